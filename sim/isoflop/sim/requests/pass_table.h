// How long a pass of a replica takes, as a table: a request simulator asks millions of times.
//
//   t = fixed + tokens(n) + sampling(s) + decode attention(B, C / B) + sum over prompt pieces of extra(q, c)
//   n tokens in the pass, s sequences that get a token, B decoding sequences with C cached tokens in all,
//   q tokens of a prompt's piece after c cached ones; extra: its attention, and what it costs beyond q decoding tokens
//
// tokens(n): exact up to 64, then 16 points an octave and the value just beyond each, because kernels take a step where
// another tile begins; linear between. Decode attention: two points an octave in B and in
// context, linear. extra / q: four points an octave in q, linear in its logarithm, and one an octave in c, linear.
// Sequences of unequal length are priced at their mean, which is exact where attention grows linearly with context.
#pragma once
#include <bit>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace isoflop::sim {

struct PromptPiece {  ///< Tokens of a prompt in this pass, after `context` cached ones.
  std::int64_t tokens = 0, context = 0;
};

struct PassLimits {  ///< Largest pass that is tabulated.
  std::int64_t sequences = 256;   ///< decoding together
  std::int64_t tokens = 8192;     ///< in one pass
  std::int64_t context = 131072;  ///< of one sequence
};

/// The parts of t, in seconds.
struct PassParts {
  double fixed_s = 0;
  std::function<double(std::int64_t tokens)> tokens_s;
  std::function<double(std::int64_t sequences)> sampling_s;
  std::function<double(std::int64_t sequences, std::int64_t context)> decode_attention_s;
  std::function<double(std::int64_t tokens, std::int64_t context)> prompt_extra_s;
};

class PassTable {
 public:
  /// Throws Error (Usage) for limits below 1 or a context beyond 2^40.
  PassTable(const PassLimits& limits, const PassParts& parts);

  /// `decode_context`: cached tokens of all decoding sequences, before this pass.
  double seconds(std::int64_t decoding, std::int64_t decode_context, std::span<const PromptPiece> pieces,
                 std::int64_t sampled) const;

  /// Passes of B decoding sequences and nothing else.
  class DecodePasses {
   public:
    /// Of a pass whose decoding sequences hold so many tokens in all.
    double seconds(std::int64_t decode_context) const {
      return base_s_ + table_->attention(row_, static_cast<double>(decode_context) * per_sequence_);
    }

   private:
    friend class PassTable;
    const PassTable* table_ = nullptr;
    const double* row_ = nullptr;
    double base_s_ = 0, per_sequence_ = 0;
  };
  DecodePasses decode_passes(std::int64_t decoding) const;
  const PassLimits& limits() const { return limits_; }

 private:
  double tokens_s(std::int64_t tokens) const;
  double prompt_extra_s(const PromptPiece& piece) const;

  // Contexts 0, 16, 24, 32, 48, ...: from 16 on, a double's exponent and first mantissa bit say between which two.
  static constexpr std::uint64_t first_cell = std::bit_cast<std::uint64_t>(16.0) >> 51;
  double attention(const double* row, double context) const {
    if (!(context >= 16)) return row[0] + context * (1.0 / 16) * (row[1] - row[0]);
    const std::uint64_t cell = std::bit_cast<std::uint64_t>(context) >> 51;
    const auto i = static_cast<std::size_t>(cell - first_cell) + 1;
    return row[i] + (context - std::bit_cast<double>(cell << 51)) * per_width_[i] * (row[i + 1] - row[i]);
  }

  PassLimits limits_;
  double fixed_s_ = 0;
  std::vector<double> tokens_s_;       ///< by cell of the token grid
  std::vector<double> beyond_node_s_;  ///< at one token more than each node of that grid
  std::vector<double> sampling_s_;     ///< by sequences, 0 first
  std::vector<double> contexts_, per_width_;
  std::vector<double> decode_rows_;    ///< [sequences][context]
  std::vector<double> prompt_tokens_;  ///< grid of q
  std::vector<double> prompt_contexts_;
  std::vector<double> prompt_s_per_token_;  ///< [c][q]
};

}  // namespace isoflop::sim
