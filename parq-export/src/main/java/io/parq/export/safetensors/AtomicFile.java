package io.parq.export.safetensors;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
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
  private static final int CHUNK = 1 << 20;

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
    // Through one small buffer: a channel would keep a copy as large as what it is given.
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate(Math.min(CHUNK, Math.max(1, data.byteSize())));
      for (long start = 0; start < data.byteSize(); start += CHUNK) {
        long length = Math.min(CHUNK, data.byteSize() - start);
        MemorySegment.copy(data, start, chunk, 0, length);
        ByteBuffer buffer = chunk.asSlice(0, length).asByteBuffer();
        while (buffer.hasRemaining()) {
          channel.write(buffer, position + start + buffer.position());
        }
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
