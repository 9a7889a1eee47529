package io.parq.serve;

import io.parq.export.text.Generation;
import java.util.List;

/**
 * What a request asks for.
 *
 * @param prompts the tokens of each text's beginning
 * @param promptTokens tokens of all prompts, each counted once
 * @param generations what to do with each
 * @param stream whether the text is sent in pieces
 * @param usage whether the number of tokens is sent after the pieces
 */
record Query(
    List<int[]> prompts,
    long promptTokens,
    List<Generation> generations,
    boolean stream,
    boolean usage) {}
