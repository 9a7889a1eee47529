package io.parq.runtime;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How a model is loaded.
 *
 * @param floatActivations whether inputs of layers are left as they are, even of a model that was
 *     trained with quantized ones
 * @param config a Hugging Face folder with configuration and tokenizer that are taken instead of
 *     the model's own, or null
 * @param cached whether repacked weights are kept in a file, so that loading is faster the next
 *     time; only where repacking takes a second or more
 * @param cacheFolder the folder of that file, made if it is missing; null for the model's own
 */
public record LoadOptions(
    boolean floatActivations, @Nullable Path config, boolean cached, @Nullable Path cacheFolder) {
  /** As the model was trained, from its own files, with a cache beside them. */
  public static final LoadOptions DEFAULTS = new LoadOptions(false, null, true, null);

  /**
   * {@return this with activations as they are, or as the model was trained}
   *
   * @param unquantized whether they are left as they are
   */
  public LoadOptions withFloatActivations(boolean unquantized) {
    return new LoadOptions(unquantized, config, cached, cacheFolder);
  }

  /**
   * {@return this with another folder of configuration and tokenizer}
   *
   * @param folder the folder, or null for the model's own
   */
  public LoadOptions withConfig(@Nullable Path folder) {
    return new LoadOptions(floatActivations, folder, cached, cacheFolder);
  }

  /**
   * {@return this with a cache in another folder}
   *
   * @param folder the folder, or null for the model's own
   */
  public LoadOptions withCache(@Nullable Path folder) {
    return new LoadOptions(floatActivations, config, true, folder);
  }

  /** {@return this without a cache} */
  public LoadOptions withoutCache() {
    return new LoadOptions(floatActivations, config, false, null);
  }
}
