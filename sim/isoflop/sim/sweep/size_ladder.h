// The sizes a sweep chooses from: small transformers whose parameter counts rise by about a factor of 1.5 a rung.
// All are Llama-like (RMSNorm, rotary positions, SwiGLU of 8/3 width, head width 16 where it fits) with a tied output
// head, so that 6 x parameters x tokens is their matrix arithmetic up to attention.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "isoflop/model/architecture.h"

namespace isoflop::sim {

struct LadderRung {  ///< One size.
  std::int64_t layers = 0, width = 0, heads = 0;
  friend bool operator==(const LadderRung&, const LadderRung&) = default;
};

/// 2 x 8 (3 thousand parameters with 128 tokens) to 6 x 256 (5 million).
std::vector<LadderRung> default_ladder();

/// "2x32" or "2x32x4" (layers x width x heads). Throws Error (Usage).
LadderRung read_rung(const std::string& text);
/// "2x32x2"
std::string rung_name(const LadderRung& rung);

Architecture rung_architecture(const LadderRung& rung, std::int64_t vocabulary);  ///< The transformer of a rung.

/// What a size costs, from its op list.
struct SizedModel {
  LadderRung rung;
  std::int64_t params = 0;                ///< all, the tied embedding counted once
  std::int64_t params_non_embedding = 0;
  double flop_per_token = 0;              ///< 3 x matrix products of the forward pass, causal pairs counted once
};
SizedModel size_model(const LadderRung& rung, std::int64_t vocabulary, std::int64_t length);

}  // namespace isoflop::sim
