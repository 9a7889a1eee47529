package io.parq.export.onnx;

import io.parq.export.safetensors.AtomicFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The file of weights beside a graph, which unlike the graph may be larger than 2 GB. Places are
 * given out first, so that the graph is known before any weight is read. Several threads may write.
 */
final class DataFile implements AutoCloseable {
  /** Large tensors begin on a page, as the ONNX specification advises for mapping them. */
  private static final long PAGE = 4096;

  private static final long LARGE = 1 << 20;
  private static final long SMALL_ALIGNMENT = 64;

  private final FileChannel channel;

  /** Makes a file as long as it is going to be, so that it can be read while it is written. */
  DataFile(Path file, long bytes) throws IOException {
    channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    if (bytes > 0) {
      write(MemorySegment.ofArray(new byte[1]), bytes - 1);
    }
  }

  /** The first place at or after an offset where so many bytes may begin. */
  static long align(long offset, long bytes) {
    long alignment = bytes >= LARGE ? PAGE : SMALL_ALIGNMENT;
    return Math.multiplyExact(Math.ceilDiv(offset, alignment), alignment);
  }

  /** Writes memory of any kind at a place. */
  void write(MemorySegment data, long offset) throws IOException {
    AtomicFile.write(channel, data, offset);
  }

  /** Makes sure that all bytes are on the disk. */
  void force() throws IOException {
    channel.force(true);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
