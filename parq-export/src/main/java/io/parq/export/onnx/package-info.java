/**
 * ONNX: decoders and single layers for ONNX Runtime, with weights on the very lattice that was
 * trained, and a reader that decodes them and other people's files.
 */
@NullMarked
package io.parq.export.onnx;

import org.jspecify.annotations.NullMarked;
