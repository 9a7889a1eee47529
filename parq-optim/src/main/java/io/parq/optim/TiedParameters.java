package io.parq.optim;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Finds parameters that share memory. */
final class TiedParameters {
  private TiedParameters() {}

  /** One parameter for each memory, in order; the first of several carries the others' names. */
  static List<Parameter> merge(List<Parameter> parameters) {
    checkNames(parameters);
    List<Parameter> distinct = new ArrayList<>();
    List<List<String>> aliases = new ArrayList<>();
    for (Parameter parameter : parameters) {
      int known = indexOfTied(distinct, parameter);
      if (known < 0) {
        distinct.add(parameter);
        aliases.add(new ArrayList<>(parameter.aliases()));
      } else {
        aliases.get(known).add(parameter.name());
        aliases.get(known).addAll(parameter.aliases());
      }
    }
    List<Parameter> merged = new ArrayList<>();
    for (int i = 0; i < distinct.size(); i++) {
      Parameter parameter = distinct.get(i);
      boolean same = parameter.aliases().equals(aliases.get(i));
      merged.add(same ? parameter : parameter.withAliases(aliases.get(i)));
    }
    return merged;
  }

  /** An optimizer must meet each weight once. */
  static void checkDistinct(List<ParamGroup> groups) {
    List<Parameter> all = groups.stream().flatMap(group -> group.parameters().stream()).toList();
    checkNames(all);
    List<Parameter> distinct = new ArrayList<>();
    for (Parameter parameter : all) {
      int known = indexOfTied(distinct, parameter);
      if (known >= 0) {
        throw new IllegalArgumentException(
            "%s and %s share their weights, expected one parameter with an alias (ParamGroup.assign)"
                .formatted(distinct.get(known).name(), parameter.name()));
      }
      distinct.add(parameter);
    }
  }

  private static void checkNames(List<Parameter> parameters) {
    Set<String> names = new HashSet<>();
    for (Parameter parameter : parameters) {
      if (!names.add(parameter.name())) {
        throw new IllegalArgumentException(
            parameter.name() + ": two parameters of this name, expected distinct names");
      }
    }
  }

  private static int indexOfTied(List<Parameter> known, Parameter parameter) {
    for (int i = 0; i < known.size(); i++) {
      Parameter other = known.get(i);
      if (other.weights().asOverlappingSlice(parameter.weights()).isPresent()) {
        checkTie(other, parameter);
        return i;
      }
    }
    return -1;
  }

  private static void checkTie(Parameter first, Parameter second) {
    String names = first.name() + " and " + second.name();
    if (!same(first.weights(), second.weights())) {
      throw new IllegalArgumentException(
          names + " overlap in memory, expected the same weights or separate ones");
    }
    if (!Arrays.equals(first.shape(), second.shape())) {
      throw new IllegalArgumentException(
          "%s share their weights with shapes %s and %s, expected one shape"
              .formatted(names, Arrays.toString(first.shape()), Arrays.toString(second.shape())));
    }
    if (!same(first.gradient(), second.gradient())) {
      throw new IllegalArgumentException(
          names + " share their weights but not their gradient, expected both or neither");
    }
  }

  private static boolean same(MemorySegment a, MemorySegment b) {
    return a.byteSize() == b.byteSize()
        && a.address() == b.address()
        && a.asOverlappingSlice(b).isPresent();
  }
}
