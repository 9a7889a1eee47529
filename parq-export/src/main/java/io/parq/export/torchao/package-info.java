/** Checkpoints of torchao, as transformers loads them. */
@NullMarked
package io.parq.export.torchao;

import org.jspecify.annotations.NullMarked;
