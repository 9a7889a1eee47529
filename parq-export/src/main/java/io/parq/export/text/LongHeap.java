package io.parq.export.text;

/** A binary heap whose first number is the least one. */
final class LongHeap {
  private final long[] numbers;
  private int size;

  LongHeap(int capacity) {
    numbers = new long[capacity];
  }

  int size() {
    return size;
  }

  long first() {
    return numbers[0];
  }

  void add(long number) {
    int at = size++;
    for (int parent = (at - 1) / 2; at > 0 && numbers[parent] > number; parent = (at - 1) / 2) {
      numbers[at] = numbers[parent];
      at = parent;
    }
    numbers[at] = number;
  }

  long removeFirst() {
    long first = numbers[0];
    long last = numbers[--size];
    int at = 0;
    while (2 * at + 1 < size) {
      int child = 2 * at + 1;
      if (child + 1 < size && numbers[child + 1] < numbers[child]) {
        child++;
      }
      if (numbers[child] >= last) {
        break;
      }
      numbers[at] = numbers[child];
      at = child;
    }
    numbers[at] = last;
    return first;
  }
}
