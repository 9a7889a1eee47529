package io.parq.export.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BadFilesTest {
  private static final Path FILE = Path.of("bad.safetensors");

  private static String refused(byte[] bytes) {
    Exception e =
        assertThrows(
            SafetensorsException.class,
            () -> HeaderParser.parse(FILE, MemorySegment.ofArray(bytes)));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith("bad.safetensors: "), message);
    return message.substring("bad.safetensors: ".length());
  }

  /** A header, with ' for ", the number of data bytes behind it, and how the error begins. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
      ``|0|empty header
      ` {}`|0|header does not begin with '{'
      []|0|header does not begin with '{'
      nonsense|0|header does not begin with '{'
      {|0|header is not valid JSON: Unexpected end-of-input
      {'a'|0|header is not valid JSON: Unexpected end-of-input
      {'a':1,}|0|tensor 'a': no dtype
      {}{}|0|header goes on after its closing '}'
      {} x|0|header is not valid JSON: Unrecognized token 'x'
      {a:1}|0|header is not valid JSON: Unexpected character
      {'a':NaN}|0|header is not valid JSON
      {/**/}|0|header is not valid JSON
      {'a':null}|0|tensor 'a': no dtype
      {'a':{}}|0|tensor 'a': no dtype, expected a string such as "F32"
      {'a':{'dtype':1}}|0|tensor 'a': no dtype
      {'a':{'dtype':'U8'}}|0|tensor 'a': no shape, expected a list of integers
      {'a':{'dtype':'U8','shape':2}}|0|tensor 'a': no shape
      {'a':{'dtype':'U8','shape':[2]}}|0|tensor 'a': no data_offsets
      {'a':{'dtype':'U8','shape':['2'],'data_offsets':[0,2]}}|2|tensor 'a': shape[0] is "2", expected an integer
      {'a':{'dtype':'U8','shape':[1,2.0],'data_offsets':[0,2]}}|2|tensor 'a': shape[1] is 2.0, expected an integer
      {'a':{'dtype':'U8','shape':[-2],'data_offsets':[0,2]}}|2|tensor 'a': shape[0] is -2, expected an integer from 0
      {'a':{'dtype':'U8','shape':[-1,-2],'data_offsets':[0,2]}}|2|tensor 'a': shape[0] is -1
      {'a':{'dtype':'U8','shape':[9223372036854775808],'data_offsets':[0,2]}}|2|tensor 'a': shape[0] is 9223372036854775808
      {'a':{'dtype':'F32','shape':[4611686018427387904],'data_offsets':[0,0]}}|0|tensor 'a': F32[4611686018427387904] has 2^63 bytes or more
      {'a':{'dtype':'U8','shape':[4294967296,4294967296],'data_offsets':[0,0]}}|0|tensor 'a': U8[4294967296, 4294967296] has 2^63 bytes
      {'a':{'dtype':'Z9','shape':[4294967296,4294967296],'data_offsets':[0,0]}}|0|tensor 'a': Z9[4294967296, 4294967296] has 2^63 bytes
      {'a':{'dtype':'U8','shape':[2],'data_offsets':[0]}}|2|tensor 'a': data_offsets [0], expected [begin, end]
      {'a':{'dtype':'U8','shape':[2],'data_offsets':[0,1,2]}}|2|tensor 'a': data_offsets [0, 1, 2], expected
      {'a':{'dtype':'U8','shape':[2],'data_offsets':[2,0]}}|2|tensor 'a': data_offsets [2, 0], expected
      {'a':{'dtype':'U8','shape':[2],'data_offsets':[-2,0]}}|2|tensor 'a': data_offsets[0] is -2, expected
      {'a':{'dtype':'U8','shape':[2],'data_offsets':[0,1e1]}}|2|tensor 'a': data_offsets[1] is 10.0, expected
      {'a':{'dtype':'U8','shape':[3],'data_offsets':[0,2]}}|2|tensor 'a': data_offsets span 2 bytes, expected 3 for U8[3]
      {'a':{'dtype':'F32','shape':[2,3],'data_offsets':[0,20]}}|20|tensor 'a': data_offsets span 20 bytes, expected 24 for F32[2, 3]
      {'a':{'dtype':'U8','shape':[2],'data_offsets':[0,2]}}|1|tensor 'a': truncated: data ends at 2, but the file has 1 bytes of data
      {'a':{'dtype':'U8','shape':[2],'data_offsets':[0,2]}}|3|3 bytes of data, expected 2: the last ones belong to no tensor
      {}|1|1 bytes of data, expected 0
      {'a':{'dtype':'U8','shape':[2],'data_offsets':[1,3]}}|3|tensor 'a': data begins at 1, expected 0 where the header ends
      {'a':{'dtype':'U8','shape':[2],'data_offsets':[0,2]},'b':{'dtype':'U8','shape':[2],'data_offsets':[3,5]}}|5|tensor 'b': data begins at 3, expected 2 where tensor 'a' ends
      {'a':{'dtype':'U8','shape':[2],'data_offsets':[0,2]},'b':{'dtype':'U8','shape':[2],'data_offsets':[1,3]}}|3|tensor 'b': data begins at 1, expected 2 where tensor 'a' ends
      {'a':{'dtype':'U8','shape':[2],'data_offsets':[0,2]},'b':{'dtype':'U8','shape':[2],'data_offsets':[0,2]}}|2|tensor 'b': data begins at 0, expected 2
      {'a':{'dtype':'U8','shape':[0],'data_offsets':[7,7]}}|0|tensor 'a': data begins at 7, expected 0
      {'a':{'dtype':'U8','shape':[9223372036854775807],'data_offsets':[0,9223372036854775807]}}|2|tensor 'a': truncated: data ends at 9223372036854775807
      {'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1]},'a':{'dtype':'U8','shape':[1],'data_offsets':[1,2]}}|2|header is not valid JSON: Duplicate field 'a'
      {'a':{'dtype':'U8','dtype':'I8','shape':[1],'data_offsets':[0,1]}}|1|header is not valid JSON: Duplicate field 'dtype'
      {'__metadata__':{'k':'1','k':'2'}}|0|header is not valid JSON: Duplicate field 'k'
      {'__metadata__':[]}|0|__metadata__ is ARRAY, expected an object
      {'__metadata__':{'k':1}}|0|__metadata__ value 'k' is NUMBER, expected a string
      {'\\ud800':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}|1|tensor '?': name holds half a surrogate pair
      """)
  void badHeadersAreRefusedWithTheReason(String header, int dataBytes, String message) {
    String found =
        refused(TestFiles.bytes(header.replace('\'', '"'), dataBytes)).replace('\ud800', '?');
    assertTrue(found.startsWith(message), () -> "found: " + found);
  }

  @Test
  void badLengthsAreRefused() {
    assertEquals(
        "0 bytes, expected at least the 8 bytes of the header length", refused(new byte[0]));
    assertEquals(
        "7 bytes, expected at least the 8 bytes of the header length", refused(new byte[7]));
    byte[] bytes = TestFiles.bytes("{}", 0);
    bytes[0] = 3;
    assertEquals("truncated: header ends at byte 11, but the file has 10", refused(bytes));
    bytes[4] = 1;
    assertEquals("header of 4294967299 bytes, expected at most 100000000", refused(bytes));
    bytes[7] = (byte) 0xff;
    assertEquals(
        "header of 18374686483966590979 bytes, expected at most 100000000", refused(bytes));
  }

  @Test
  void otherEncodingsAreRefused() {
    byte[] latin = "{\"\u00e4\":1}".getBytes(StandardCharsets.ISO_8859_1);
    assertEquals("header is not UTF-8", refused(TestFiles.bytes(latin, 0)));
    byte[] wide = "{}".getBytes(StandardCharsets.UTF_16LE);
    assertTrue(refused(TestFiles.bytes(wide, 0)).startsWith("header is not valid JSON"));
    byte[] marked = "\ufeff{}".getBytes(StandardCharsets.UTF_8);
    assertEquals("header does not begin with '{'", refused(TestFiles.bytes(marked, 0)));
  }

  @Test
  void deepAndLongHeadersDoNotHurt() {
    String deep = "{\"a\":" + "[".repeat(3_000_000);
    assertTrue(refused(TestFiles.bytes(deep, 0)).contains("nesting depth"));
    String longName = "{\"" + "n".repeat(1_000_000) + "\":0}";
    assertTrue(refused(TestFiles.bytes(longName, 0)).contains("no dtype"));
    String longNumber = "{\"a\":" + "9".repeat(100_000) + "}";
    assertTrue(refused(TestFiles.bytes(longNumber, 0)).contains("Number value length"));
  }

  @Test
  void aFileThatIsNotThereOrEmptyIsAnError(@TempDir Path folder) throws IOException {
    assertThrows(
        java.nio.file.NoSuchFileException.class,
        () -> SafetensorsReader.open(folder.resolve("none.safetensors")));
    Path empty = Files.createFile(folder.resolve("empty.safetensors"));
    Exception e = assertThrows(SafetensorsException.class, () -> SafetensorsReader.open(empty));
    assertTrue(String.valueOf(e.getMessage()).contains("0 bytes, expected"));
  }

  /** Whatever happens to a file's bytes, it is read within its bounds or refused. */
  @Property(tries = 5000, edgeCases = EdgeCasesMode.NONE)
  void damageIsRefusedOrHarmless(@ForAll long seed, @ForAll @IntRange(min = 1, max = 4) int changes)
      throws IOException {
    Random random = new Random(seed);
    String header =
        "{\"__metadata__\":{\"k\":\"v\"},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
            + "\"b\":{\"dtype\":\"I16\",\"shape\":[2],\"data_offsets\":[24,28]}}";
    byte[] bytes = TestFiles.bytes(header, 28);
    for (int i = 0; i < changes; i++) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(4)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) "{}[]\",:0123456789-eE. \\".charAt(random.nextInt(22));
        case 2 -> bytes = Arrays.copyOf(bytes, at + 1);
        default -> System.arraycopy(bytes, at, bytes, at / 2, bytes.length - at);
      }
    }
    MemorySegment segment = MemorySegment.ofArray(bytes);
    try {
      Header parsed = HeaderParser.parse(FILE, segment);
      for (Header.Entry entry : parsed.entries()) {
        segment.asSlice(parsed.dataStart() + entry.begin(), entry.info().byteSize());
      }
    } catch (SafetensorsException e) {
      assertTrue(String.valueOf(e.getMessage()).length() > "bad.safetensors: ".length());
    }
  }
}
