package io.parq.cli.recipe;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.DocumentStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.MappingEndEvent;
import org.snakeyaml.engine.v2.events.MappingStartEvent;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.events.SequenceEndEvent;
import org.snakeyaml.engine.v2.events.SequenceStartEvent;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.ReaderException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * Reads YAML into nodes that know their lines. Of YAML it takes what a recipe needs: one document
 * of mappings, lists and scalars. Anchors, aliases, tags, merge keys and duplicate keys are
 * problems.
 */
final class YamlReader {
  private static final int DEEPEST = 16;

  /** Ends a reading whose problem has been reported. */
  private static final class Stop extends RuntimeException {
    private static final long serialVersionUID = 1;

    Stop() {
      super(null, null, false, false);
    }
  }

  private final String text;
  private final Place start;
  private final boolean countsLines;
  private final Reading reading;
  private final Iterator<Event> events;

  private YamlReader(String text, Place start, boolean countsLines, Reading reading) {
    this.text = text;
    this.start = start;
    this.countsLines = countsLines;
    this.reading = reading;
    LoadSettings settings = LoadSettings.builder().setLabel(start.file()).build();
    this.events = new Parse(settings).parseString(text).iterator();
  }

  /**
   * Reads a whole recipe.
   *
   * @param file the name to show
   * @return its keys, or null if a problem was reported that leaves none
   */
  static Node.@Nullable Mapping document(String text, String file, Reading reading) {
    Place whole = new Place(file, 0);
    if (text.isBlank()) {
      reading.problem(whole, "", "empty, expected a recipe");
      return null;
    }
    Node node = new YamlReader(text, whole, true, reading).only("");
    if (node == null) {
      return null;
    }
    if (node instanceof Node.Mapping mapping) {
      return mapping;
    }
    if (node instanceof Node.Scalar scalar && scalar.isEmpty()) {
      reading.problem(whole, "", "empty, expected a recipe");
    } else {
      reading.problem(
          node.place(),
          "",
          "found " + node.describe() + ", expected keys such as model: and data:");
    }
    return null;
  }

  /**
   * Reads a value that stands in one place: a mapping or list in braces or brackets, or else text
   * taken as it is.
   *
   * @return the value, or null if a problem was reported
   */
  static @Nullable Node value(String text, Place place, String key, Reading reading) {
    boolean structured = text.startsWith("{") || text.startsWith("[");
    return structured
        ? new YamlReader(text, place, false, reading).only(key)
        : new Node.Scalar(place, text, true);
  }

  private @Nullable Node only(String key) {
    try {
      Node node = null;
      while (events.hasNext()) {
        Event event = events.next();
        if (event instanceof DocumentStartEvent && node != null) {
          throw stop(place(event), key, "found a second document, expected one");
        }
        if (event instanceof NodeEvent content) {
          node = node(content, place(event), key, 0);
        }
      }
      return node == null ? new Node.Scalar(start, "", true) : node;
    } catch (Stop stop) {
      return null;
    } catch (MarkedYamlEngineException e) {
      reading.problem(place(e.getProblemMark()), key, "not valid YAML: " + reason(e));
    } catch (ReaderException e) {
      reading.problem(
          lineOf(e.getPosition()),
          key,
          "not valid YAML: found the character U+%04X, which may not stand there"
              .formatted(e.getCodePoint()));
    } catch (YamlEngineException e) {
      reading.problem(start, key, "not valid YAML: " + e.getMessage());
    } catch (NumberFormatException e) { // the scanner's own, of an escape in a quoted text
      reading.problem(start, key, "not valid YAML: an escape such as \\x41 without its digits");
    }
    return null;
  }

  private Node node(NodeEvent event, Place place, String key, int depth) {
    if (depth > DEEPEST) {
      throw stop(place, key, "nested more than " + DEEPEST + " deep");
    }
    if (event.getAnchor().isPresent() && !(event instanceof AliasEvent)) {
      reading.problem(
          place, key, "found the anchor &" + event.getAnchor().get() + ", expected plain values");
    }
    return switch (event) {
      case AliasEvent alias -> {
        reading.problem(
            place,
            key,
            "found the alias *" + alias.getAlias() + ", expected a value; text needs quotes");
        yield new Node.Scalar(place, "", false);
      }
      case ScalarEvent scalar -> {
        noTag(scalar.getTag(), place, key);
        yield new Node.Scalar(place, scalar.getValue(), scalar.isPlain());
      }
      case SequenceStartEvent list -> {
        noTag(list.getTag(), place, key);
        yield sequence(place, key, depth);
      }
      case MappingStartEvent mapping -> {
        noTag(mapping.getTag(), place, key);
        yield mapping(place, key, depth);
      }
      default -> throw new AssertionError(event);
    };
  }

  private Node sequence(Place place, String key, int depth) {
    List<Node> items = new ArrayList<>();
    for (Event event = events.next(); !(event instanceof SequenceEndEvent); event = events.next()) {
      String item = key + "[" + items.size() + "]";
      items.add(node((NodeEvent) event, place(event), item, depth + 1));
    }
    return new Node.Sequence(place, List.copyOf(items));
  }

  private Node mapping(Place place, String key, int depth) {
    Map<String, Node> entries = new LinkedHashMap<>();
    Map<String, Place> places = new LinkedHashMap<>();
    for (Event event = events.next(); !(event instanceof MappingEndEvent); event = events.next()) {
      Place at = place(event);
      Node name = node((NodeEvent) event, at, key, depth + 1);
      if (!(name instanceof Node.Scalar scalar)) {
        throw stop(at, key, "found " + name.describe() + " as a key, expected a name");
      }
      String full = key.isEmpty() ? scalar.text() : key + "." + scalar.text();
      Node value = node((NodeEvent) events.next(), at, full, depth + 1);
      Place first = places.putIfAbsent(scalar.text(), at);
      if (first == null) {
        entries.put(scalar.text(), value);
      } else if (first.line() == 0 || first.line() == at.line()) {
        reading.problem(at, full, "given twice, expected once");
      } else {
        reading.problem(at, full, "given again, after line " + first.line() + ", expected once");
      }
    }
    return new Node.Mapping(place, entries);
  }

  private void noTag(Optional<String> tag, Place place, String key) {
    if (tag.isPresent()) {
      reading.problem(
          place,
          key,
          "found the tag "
              + tag.get().replace("tag:yaml.org,2002:", "!!")
              + ", expected plain values");
    }
  }

  private Stop stop(Place place, String key, String problem) {
    reading.problem(place, key, problem);
    return new Stop();
  }

  private Place place(Event event) {
    return place(event.getStartMark());
  }

  private Place place(Optional<Mark> mark) {
    return countsLines && mark.isPresent()
        ? new Place(start.file(), mark.get().getLine() + 1)
        : start;
  }

  /** The line of a character, counted as the engine counts: in code points. */
  private Place lineOf(int position) {
    int lines = (int) text.codePoints().limit(position).filter(c -> c == '\n').count();
    return countsLines ? new Place(start.file(), lines + 1) : start;
  }

  private static String reason(MarkedYamlEngineException e) {
    String problem = e.getProblem();
    if (problem.contains("(TAB)")) {
      return "found a tab, expected spaces";
    }
    if (problem.contains("cannot start any token")) {
      return problem.replaceFirst("\\..*", "") + "; quotes make it text";
    }
    String context = e.getContext();
    if (context == null || context.isEmpty()) {
      return problem;
    }
    return problem
        + ", "
        + context
        + e.getContextMark().map(mark -> " from line " + (mark.getLine() + 1)).orElse("");
  }
}
