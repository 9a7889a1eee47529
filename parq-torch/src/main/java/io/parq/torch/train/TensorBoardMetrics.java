package io.parq.torch.train;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Metrics as TensorBoard event files. */
final class TensorBoardMetrics extends Metrics {
  private final Path folder;
  private @Nullable FileChannel channel;

  TensorBoardMetrics(Path folder) {
    this.folder = folder;
  }

  @Override
  void write(long step, Map<String, Double> values) throws IOException {
    FileChannel open = channel == null ? begin() : channel;
    TensorBoardEvents.write(open, TensorBoardEvents.scalars(now(), step, values));
  }

  @Override
  void continueAfter(long step) throws IOException {
    close();
    TensorBoardEvents.write(begin(), TensorBoardEvents.sessionStart(now(), step + 1));
  }

  private FileChannel begin() throws IOException {
    Files.createDirectories(folder);
    FileChannel opened = create();
    channel = opened;
    TensorBoardEvents.write(opened, TensorBoardEvents.version(now()));
    return opened;
  }

  /** TensorBoard reads the files of a folder in the order of their names. */
  private FileChannel create() throws IOException {
    long second = System.currentTimeMillis() / 1000;
    for (int number = 0; ; number++) {
      String name = "events.out.tfevents.%010d.%04d.parq".formatted(second, number);
      if (Files.notExists(folder.resolve(name))) {
        return FileChannel.open(
            folder.resolve(name), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      }
    }
  }

  private static double now() {
    return System.currentTimeMillis() / 1000.0;
  }

  @Override
  public void close() {
    FileChannel open = channel;
    if (open != null) {
      unchecked(open::close);
      channel = null;
    }
  }
}
