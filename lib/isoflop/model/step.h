// One pass of a model over a batch: who brings how many new tokens, on top of how many cached ones.
// Prefill, decode, chunked prefill, a mixture of them, and training are the same thing with different numbers.
#pragma once
#include <cstdint>
#include <vector>

namespace isoflop {

/// `sequences` that are alike: each adds `new_tokens` after `context` cached ones and wants logits at its last
/// `logit_positions` new tokens.
struct Segment {
  std::int64_t sequences = 1;
  std::int64_t new_tokens = 1;
  std::int64_t context = 0;
  std::int64_t logit_positions = 1;
};

/// How a token's experts spread: experts' popularity falls as rank^-skew; 0 = uniform.
struct Routing {
  double skew = 0;
};

struct Step {
  std::vector<Segment> segments;
  bool training = false;  ///< loss at every position, no KV cache, backward pass defined
  bool causal = true;     ///< false counts every pair of the segment, as encoders compute
  Routing routing;

  static Step train(std::int64_t sequences, std::int64_t length) {  ///< Whole sequences, with loss and backward pass.
    return {{{sequences, length, 0, length}}, true, true, {}};
  }
  static Step prefill(std::int64_t sequences, std::int64_t prompt) {  ///< Whole prompts; logits of the last tokens.
    return {{{sequences, prompt, 0, 1}}, false, true, {}};
  }
  /// `context` counts the tokens before the new one.
  static Step decode(std::int64_t sequences, std::int64_t context) {
    return {{{sequences, 1, context, 1}}, false, true, {}};
  }
  static Step chunk(std::int64_t sequences, std::int64_t tokens, std::int64_t context) {  ///< A piece of each prompt.
    return {{{sequences, tokens, context, 1}}, false, true, {}};
  }

  std::int64_t tokens() const;           ///< new tokens of all sequences
  std::int64_t sequences() const;
  std::int64_t cached_tokens() const;    ///< context plus new tokens of all sequences
  std::int64_t logit_positions() const;  ///< of all sequences
};

/// Keys that the q new queries of a sequence see together after c cached tokens: the number of (query, key) pairs.
/// causal: query i (0-based) sees the c + i + 1 tokens up to itself, at most `window + sink_tokens` of them when
/// window > 0, and only those of its own chunk when chunk > 0. Not causal: q (c + q). Reference: brute force in tests.
double attention_pairs(std::int64_t q, std::int64_t c, std::int64_t window, std::int64_t sink_tokens,
                       std::int64_t chunk, bool causal);

/// Distinct cached keys that those queries need to read: what moves from memory once per pass.
double attention_keys_read(std::int64_t q, std::int64_t c, std::int64_t window, std::int64_t sink_tokens,
                           std::int64_t chunk, bool causal);

/// Expected number of distinct experts that n tokens touch, E (1 - (1 - k/E)^n) under uniform routing. With skew,
/// expert i is chosen by a token with probability q_i proportional to rank^-skew, capped at 1, sum k, independently
/// between tokens: U = sum 1 - (1 - q_i)^n.
double expected_distinct_experts(std::int64_t experts, std::int64_t per_token, double tokens, const Routing& routing);

/// Share of all token-expert pairs that falls on the most popular of `groups` equal groups of experts, times `groups`:
/// 1 when balanced. Experts are dealt to groups round robin by popularity, the kindest placement.
double expert_group_imbalance(std::int64_t experts, std::int64_t per_token, std::int64_t groups,
                              const Routing& routing);

}  // namespace isoflop
