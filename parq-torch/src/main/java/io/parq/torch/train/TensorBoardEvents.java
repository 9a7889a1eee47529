package io.parq.torch.train;

import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Encodes TensorBoard's events, as a TFRecord each:
 *
 * <pre>
 * byte 0        8 bytes: N, little-endian
 * byte 8        4 bytes: masked CRC32C of the 8 bytes above
 * byte 12       N bytes: an Event message (protobuf)
 * byte 12 + N   4 bytes: masked CRC32C of the message
 *
 * Event:       1 wall_time (double), 2 step (int64), 3 file_version (string), 5 summary, 7 session_log
 * Summary:     1 value (repeated)      Value:  1 tag (string), 2 simple_value (float)
 * SessionLog:  1 status (1 is START)
 * </pre>
 *
 * <p>A checksum is masked by rotating it right by 15 bits and adding 0xa282ead8.
 */
final class TensorBoardEvents {
  private TensorBoardEvents() {}

  /** Writes part of a message. */
  private interface Fields {
    void write(CodedOutputStream out) throws IOException;
  }

  /** The first event of a file. */
  static byte[] version(double time) throws IOException {
    return event(time, 0, out -> out.writeString(3, "brain.Event:2"));
  }

  /** Says that what was written of a step and later ones is void. */
  static byte[] sessionStart(double time, long step) throws IOException {
    byte[] session = message(out -> out.writeEnum(1, 1));
    return event(time, step, out -> out.writeByteArray(7, session));
  }

  static byte[] scalars(double time, long step, Map<String, Double> values) throws IOException {
    byte[] summary =
        message(
            out -> {
              for (Map.Entry<String, Double> value : values.entrySet()) {
                out.writeByteArray(1, scalar(value.getKey(), value.getValue()));
              }
            });
    return event(time, step, out -> out.writeByteArray(5, summary));
  }

  private static byte[] scalar(String tag, double value) throws IOException {
    return message(
        out -> {
          out.writeString(1, tag);
          out.writeFloat(2, (float) value);
        });
  }

  private static byte[] event(double time, long step, Fields content) throws IOException {
    return message(
        out -> {
          out.writeDouble(1, time);
          out.writeInt64(2, step);
          content.write(out);
        });
  }

  private static byte[] message(Fields fields) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    fields.write(out);
    out.flush();
    return bytes.toByteArray();
  }

  /** Writes an event with its frame, at once. */
  static void write(WritableByteChannel channel, byte[] event) throws IOException {
    ByteBuffer record = ByteBuffer.allocate(16 + event.length).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(event.length);
    record.putInt(maskedCrc(record.array(), 0, 8));
    record.put(event);
    record.putInt(maskedCrc(record.array(), 12, event.length));
    record.flip();
    while (record.hasRemaining()) {
      channel.write(record);
    }
  }

  static int maskedCrc(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }
}
