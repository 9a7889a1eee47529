/**
 * The safetensors format: a memory-mapped reader and an atomic writer, single files and sharded
 * models, beyond 2 GB.
 *
 * <pre>
 * byte 0        8 bytes: N, the header's length, little-endian
 * byte 8        N bytes: UTF-8 JSON, begins with '{', may end with spaces
 * byte 8 + N    the tensors' elements, little-endian, row-major, without holes
 *
 * {"__metadata__": {"key": "text", ...},
 *  "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 * </pre>
 *
 * <p>Offsets count from byte {@code 8 + N}; the end is exclusive. A model in several files has an
 * index, {@code *.safetensors.index.json}, that says which file holds which tensor: {@code
 * {"metadata": {"total_size": 24}, "weight_map": {"name": "model-00001-of-00002.safetensors"}}}.
 */
@NullMarked
package io.parq.export.safetensors;

import org.jspecify.annotations.NullMarked;
