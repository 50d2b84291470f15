// Serving in steady state with prompts cut into pieces that share passes with decoding: B clients, each asking again as
// soon as it is answered, P prompt and G output tokens each, passes of at most N tokens, decoding ones included.
//
// A pass leaves c = N - (decoding sequences) tokens to prompts, so a prompt takes ceil(P / c) passes. Prompts follow
// each other (clients that were served together ask together), so that one ends in the pass in which the next begins
// and passes that carry prompts are full; where several fit into one pass they share it.
//   prompts can keep up, (B - 1)(P + G - 1) <= N (G - 1)
//     a cycle of a client: ceil(P/c) + G - 1 passes, of which B P / c carry prompts, the others only decode
//     TTFT = ceil(P / c) x t(full pass), TPOT = (cycle - TTFT) / (G - 1): besides its own G - 1 steps a sequence waits
//     for the prompts of the others, the a4 term that closed forms of decoding alone lack
//   they cannot: every pass is full, D = N (G - 1)/(P + G - 1) sequences decode, the rest wait for their prompt's turn
//     TPOT = t(D decode + piece), requests/s = c / P / TPOT, TTFT = B / requests/s - (G - 1) TPOT (Little's law)
// Contexts are means: P + G/2 of the decoding, piece by piece of the prompt. One pipeline stage, attention not repeated
// over devices.
// Against the request simulator in the same closed loop: tests/sim/requests/chunked_prefill_test.cc, docs/serving.md.
#pragma once
#include "isoflop/sim/serving/step_time.h"

namespace isoflop::sim {

struct ChunkedServing {  ///< Times in steady state, and what a pass holds.
  Estimate ttft_s{0, 0, 0, {}}, tpot_s{0, 0, 0, {}};
  double ttft_floor_s = 0, tpot_floor_s = 0;
  double decoding = 0;             ///< sequences that decode in a pass with a piece
  double piece_tokens = 0;         ///< prompt tokens of such a pass
  double passes_per_prompt = 0;
  double share_of_passes_with_piece = 0;
  bool saturated = false;          ///< prompts cannot keep up: requests wait for their turn
  Estimate longest_gap_s{0, 0, 0, {}};        ///< between two tokens: a pass with the last piece of a prompt
  Estimate whole_prompt_gap_s{0, 0, 0, {}};   ///< the same if prompts ran whole, beside decoding
};

/// Throws Error (Usage) where `step_tokens` leaves no room for a prompt, or the layout is not modelled.
ChunkedServing chunked_serving(const StepPricer& pricer, const ServingLoad& load, std::int64_t step_tokens);

}  // namespace isoflop::sim
