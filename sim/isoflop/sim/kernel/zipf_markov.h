// A text source whose entropy is known exactly: an order-2 Markov chain over V tokens,
//   P(x | i, j) = 0.1 z(x) + 0.3 Q1_j(x) + 0.6 Q2_ij(x),
// z Zipf with exponent 1; Q1, Q2 Zipf with exponents 1.5 and 2 over orderings drawn per context, biased to frequent
// tokens (Gumbel-top-k). The stationary law of pairs comes from power iteration, so the entropy rate E, and what a
// model that sees only part of the context can reach, are sums, not estimates.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace isoflop::sim {

class ZipfMarkov {
 public:
  /// The source is a function of (vocabulary, seed) alone. vocabulary in [4, 512]: tables hold V^3 floats.
  ZipfMarkov(std::size_t vocabulary, std::uint64_t seed);

  std::size_t vocabulary() const { return vocabulary_; }
  /// Nats per token with both previous tokens known, with one, and with none.
  double entropy_rate() const { return entropy_[2]; }
  double bigram_entropy() const { return entropy_[1]; }
  double unigram_entropy() const { return entropy_[0]; }
  /// Least mean loss of any model on windows of `length` targets whose first target has one token of context.
  double window_floor(std::size_t length) const;

  /// `count` tokens of stream `index`; streams are independent and start in the stationary law.
  std::vector<std::int32_t> sample(std::size_t count, std::uint64_t stream) const;
  /// Mean loss of the true law on these windows of length + 1 tokens: what a perfect model would score on them.
  double perfect_loss(std::span<const std::int32_t> tokens, std::size_t length) const;

 private:
  float probability(std::size_t i, std::size_t j, std::size_t x) const {
    return table_[(i * vocabulary_ + j) * vocabulary_ + x];
  }
  std::size_t vocabulary_;
  std::uint64_t seed_;
  std::vector<float> table_;     ///< P(x | i, j)
  std::vector<float> bigram_;    ///< P(x | j)
  std::vector<double> pairs_;    ///< stationary law of (i, j)
  double entropy_[3] = {0, 0, 0};
};

}  // namespace isoflop::sim
