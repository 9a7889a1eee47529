package io.parq.cli.recipe;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A Hugging Face folder, or the config of a new model. */
final class ModelType implements Type<Recipe.Model> {
  private static final Type<Path> FOLDER =
      Types.path("a Hugging Face folder, or new: with a config", Types.Exists.FOLDER);

  @Override
  public String expected() {
    return FOLDER.expected();
  }

  @Override
  public Recipe.@Nullable Model read(Node node, String key, Reading reading) {
    if (!(node instanceof Node.Mapping)) {
      Path folder = FOLDER.read(node, key, reading);
      return folder == null ? null : new Recipe.Model.Folder(folder);
    }
    Values values = Keys.NEW_MODEL.read(node, key, reading);
    return values != null && values.isSound(Keys.NEW, Keys.TOKENIZER)
        ? new Recipe.Model.New(values.get(Keys.NEW), values.get(Keys.TOKENIZER).orElse(null))
        : null;
  }
}
