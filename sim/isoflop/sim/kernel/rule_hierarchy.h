// A text source that needs depth: sentences of a random hierarchy of rules (Random Hierarchy Model, Cagnetta et al.,
// arXiv:2307.02129). A root symbol, one of V, is rewritten into a pair of symbols by one of its m rules, each of these
// by one of theirs, and so on for `depth` levels: a sentence has n = 2^depth tokens. Symbols, rules and roots are
// equally likely, and no two rules of a level write the same pair, so that a sentence has exactly one derivation and
//   entropy of a sentence = ln V + (n - 1) ln m        nats, exactly.
// Who knows only neighbouring tokens sees little of it: a token's partner narrows its choices, and what lies further
// apart is tied together only through the levels between.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace isoflop::sim {

class RuleHierarchy {
 public:
  /// A function of its arguments alone. Throws Error (Usage) unless 2 <= V <= 512, 1 <= depth <= 10 and 1 <= m <= V.
  RuleHierarchy(std::size_t vocabulary, std::size_t depth, std::size_t rules, std::uint64_t seed);

  std::size_t vocabulary() const { return vocabulary_; }
  std::size_t depth() const { return depth_; }
  std::size_t rules() const { return rules_; }
  std::size_t sentence_length() const { return std::size_t{1} << depth_; }
  double sentence_entropy() const;                                                                    ///< nats
  double entropy_rate() const {
    return sentence_entropy() / static_cast<double>(sentence_length());
  }  ///< nats per token

  /// `sentences` of stream `index`, one after another; streams are independent.
  std::vector<std::int32_t> sample(std::size_t sentences, std::uint64_t stream) const;
  /// ln P that a sentence begins with these tokens (at most a sentence of them); -infinity when none does.
  double log_probability(std::span<const std::int32_t> beginning) const;

 private:
  struct Pair {
    std::int32_t left = 0, right = 0;
  };
  const Pair& rule(std::size_t level, std::size_t symbol, std::size_t r) const {
    return table_[(level * vocabulary_ + symbol) * rules_ + r];
  }
  /// Per symbol, the probability that what it becomes after `level` rewritings begins with these tokens (at most
  /// 2^level).
  std::vector<double> inside(std::span<const std::int32_t> tokens, std::size_t level) const;
  std::size_t vocabulary_, depth_, rules_;
  std::uint64_t seed_;
  std::vector<Pair> table_;  ///< level 0 writes tokens
};

}  // namespace isoflop::sim
