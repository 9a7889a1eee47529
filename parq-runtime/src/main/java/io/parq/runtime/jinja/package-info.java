/** Chat templates: the part of the template language Jinja that they are written in. */
@NullMarked
package io.parq.runtime.jinja;

import org.jspecify.annotations.NullMarked;
