package io.parq.cli;

import io.parq.export.formats.Formats;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.DType;
import io.parq.grids.Granularity;
import io.parq.grids.ScaleType;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.Locale;
import java.util.function.Function;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** What options say, read with the libraries' own messages. */
final class Converters {
  private Converters() {}

  /** Reads per-row and the like. */
  static final class OfGranularity implements ITypeConverter<Granularity> {
    @Override
    public Granularity convert(String value) {
      return converted(value, Granularity::parse);
    }
  }

  /** Reads bf16 and the like. */
  static final class OfScaleType implements ITypeConverter<ScaleType> {
    @Override
    public ScaleType convert(String value) {
      return converted(value, ScaleType::parse);
    }
  }

  /** Reads int8-asym-per-token and the like. */
  static final class Activations implements ITypeConverter<ActivationQuantization> {
    @Override
    public ActivationQuantization convert(String value) {
      for (ActivationQuantization type : ActivationQuantization.values()) {
        if (type.name().equals(value.toUpperCase(Locale.ROOT).replace('-', '_'))) {
          return type;
        }
      }
      throw new TypeConversionException("found '" + value + "', expected int8-asym-per-token");
    }
  }

  /** Reads float32 and bfloat16. */
  static final class Floats implements ITypeConverter<DType> {
    @Override
    public DType convert(String value) {
      return switch (value) {
        case "float32" -> DType.F32;
        case "bfloat16" -> DType.BF16;
        default ->
            throw new TypeConversionException(
                "found '" + value + "', expected float32 or bfloat16");
      };
    }
  }

  /** Reads the name of a target. */
  static final class OfTarget implements ITypeConverter<String> {
    @Override
    public String convert(String value) {
      return converted(value, name -> Formats.target(name).name());
    }
  }

  /** The names of all targets. */
  static final class Targets implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return new ArrayList<>(Formats.names()).iterator();
    }
  }

  private static <T> T converted(String value, Function<String, T> parse) {
    try {
      return parse.apply(value);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }
}
