package io.parq.samples.names;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class UnicodeNamesTest {
  @Test
  void namesAreSplitWithoutOverlap() {
    UnicodeNames names = UnicodeNames.load(1);
    Set<String> train = new HashSet<>(names.train().lines().toList());
    List<String> heldOut = names.heldOut().lines().toList();
    assertEquals(names.count(), train.size() + heldOut.size());
    assertTrue(heldOut.stream().noneMatch(train::contains));
    assertEquals(1.0 / 16, (double) heldOut.size() / names.count(), 0.005);
    assertTrue(names.count() > 34_000, names.count() + " names");
    assertTrue(train.contains("LATIN SMALL LETTER A") || heldOut.contains("LATIN SMALL LETTER A"));
    assertTrue(train.stream().noneMatch(name -> name.startsWith("CJK UNIFIED IDEOGRAPH-")));
  }

  @Test
  void theSeedOrdersLinesOnly() {
    UnicodeNames one = UnicodeNames.load(1);
    UnicodeNames two = UnicodeNames.load(2);
    assertEquals(one, UnicodeNames.load(1));
    assertNotEquals(one.train(), two.train());
    assertEquals(one.digest(), two.digest());
    assertEquals(one.train().lines().sorted().toList(), two.train().lines().sorted().toList());
  }
}
