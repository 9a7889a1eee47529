package io.parq.cli;

import io.parq.export.ModelSource;
import io.parq.export.ParqFile;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A folder's weights, or packed ones beside it; a tied head and parts that see are left out. */
final class FolderSource implements ModelSource {
  private final Path folder;
  private final boolean tied;
  private final SafetensorsReader reader;
  private final ParqFile packed;

  FolderSource(Path folder, Path packed, boolean tied) throws IOException {
    this.folder = folder;
    this.tied = tied;
    this.packed = packed == null ? null : ParqFile.open(packed);
    this.reader = packed == null ? SafetensorsReader.open(folder) : null;
  }

  @Override
  public Path folder() {
    return folder;
  }

  @Override
  public List<TensorInfo> tensors() {
    List<TensorInfo> tensors = new ArrayList<>();
    if (packed == null) {
      for (TensorInfo tensor : reader.tensors()) {
        if (!tied || !tensor.name().equals("lm_head.weight")) {
          tensors.add(tensor);
        }
      }
      return tensors;
    }
    try {
      for (String name : packed.quantizedNames()) {
        tensors.add(TensorInfo.of(name, DType.F32, packed.quantized(name).shape()));
      }
      for (String name : packed.otherNames()) {
        tensors.add(TensorInfo.of(name, packed.other(name)));
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return tensors;
  }

  @Override
  public QuantConfig config(String name) {
    try {
      return packed == null || !packed.quantizedNames().contains(name)
          ? null
          : packed.packed(name).config();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public QuantizedTensor quantized(String name) throws IOException {
    return packed.quantized(name);
  }

  @Override
  public TensorData plain(String name) throws IOException {
    return packed == null ? reader.tensor(name) : packed.other(name);
  }

  @Override
  public void close() {
    if (packed == null) {
      reader.close();
    } else {
      packed.close();
    }
  }
}
