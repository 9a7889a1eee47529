package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ReadmeTest {
  @Test
  void showsTheTestedExample() throws Exception {
    Path source = Path.of("src/test/java/io/parq/torch/TorchExample.java");
    String code = Files.readString(source);
    String example =
        code.substring(code.indexOf("// begin\n") + 9, code.indexOf("    // end"))
            .stripTrailing()
            .stripIndent();
    String readme = Files.readString(Path.of("..", "README.md"));
    assertTrue(readme.contains("```java\n" + example + "\n```"), example);
  }
}
