/** What a model looks like: the config.json of a Hugging Face folder, read and checked. */
@NullMarked
package io.parq.export.model;

import org.jspecify.annotations.NullMarked;
