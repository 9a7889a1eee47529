package io.parq.export.safetensors;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * A file that appears under its name only when it is complete: it is written beside its place under
 * a temporary name, forced to the disk, and moved. What was there before stays until then.
 */
public final class AtomicFile implements AutoCloseable {
  private static final int CHUNK = 1 << 18;

  private final Path file;
  private final Path temporary;
  private final FileChannel channel;

  /**
   * Makes the temporary file.
   *
   * @param file the final name
   * @throws IOException if it cannot be made
   */
  public AtomicFile(Path file) throws IOException {
    this.file = file;
    this.temporary = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID() + ".tmp");
    this.channel =
        FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  /**
   * Writes a whole file, in place of one that is there.
   *
   * @param file its name
   * @param content its bytes; not modified
   * @throws IOException if it cannot be written; what was there before stays
   */
  public static void replace(Path file, byte[] content) throws IOException {
    try (AtomicFile out = new AtomicFile(file)) {
      out.write(MemorySegment.ofArray(content), 0);
      out.force();
      out.move();
    }
  }

  /**
   * Writes a whole text file in UTF-8, in place of one that is there.
   *
   * @param file its name
   * @param text its content
   * @throws IOException if it cannot be written; what was there before stays
   */
  public static void replace(Path file, String text) throws IOException {
    replace(file, text.getBytes(StandardCharsets.UTF_8));
  }

  /** {@return the final name} */
  public Path file() {
    return file;
  }

  /** {@return the name until then, under which the file can be read} */
  public Path temporary() {
    return temporary;
  }

  /**
   * Writes memory of any kind.
   *
   * @param data what to write; not modified
   * @param position byte of the file where it goes
   * @throws IOException if writing fails
   */
  public void write(MemorySegment data, long position) throws IOException {
    write(channel, data, position);
  }

  /**
   * Writes memory of any kind to a file.
   *
   * @param channel the file, opened to be written
   * @param data what to write; not modified
   * @param position byte of the file where it goes
   * @throws IOException if writing fails
   */
  public static void write(FileChannel channel, MemorySegment data, long position)
      throws IOException {
    // In pieces: a channel keeps a copy as large as what it is given of the heap.
    boolean viewable = data.isNative() || data.heapBase().orElse(null) instanceof byte[];
    byte[] copy = new byte[viewable ? 0 : (int) Math.min(CHUNK, data.byteSize())];
    for (long start = 0; start < data.byteSize(); start += CHUNK) {
      MemorySegment piece = data.asSlice(start, Math.min(CHUNK, data.byteSize() - start));
      if (!viewable) {
        piece = MemorySegment.ofArray(copy).asSlice(0, piece.byteSize()).copyFrom(piece);
      }
      ByteBuffer buffer = piece.asByteBuffer();
      while (buffer.hasRemaining()) {
        channel.write(buffer, position + start + buffer.position());
      }
    }
  }

  /**
   * Makes sure that all bytes are on the disk.
   *
   * @throws IOException if that fails
   */
  public void force() throws IOException {
    channel.force(true);
    channel.close();
  }

  /**
   * Gives the forced file its name.
   *
   * @throws IOException if that fails
   */
  public void move() throws IOException {
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /**
   * Makes the new names durable, where the platform lets a folder be forced.
   *
   * @param folder where they are
   */
  public static void forceFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      System.getLogger(AtomicFile.class.getName())
          .log(System.Logger.Level.DEBUG, "cannot force folder " + folder, e);
    }
  }

  /** Removes the temporary file, if it has not been moved. */
  @Override
  public void close() throws IOException {
    try {
      channel.close();
    } finally {
      Files.deleteIfExists(temporary);
    }
  }
}
