/**
 * GGUF, the file format of llama.cpp: whole models, written with exactly the values that were
 * trained, and read back whoever wrote them.
 */
@NullMarked
package io.parq.export.gguf;

import org.jspecify.annotations.NullMarked;
