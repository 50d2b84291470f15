// Joules per output token of a served load, accelerators only, by the model of inference_energy.h.
//
// With drafted tokens: the plain figure times the ratio of what a token then costs to what it costs plainly,
//
//   ratio = ((E(verify) + q E(draft)) / (B k) + rest) / (E(plain step) / B + rest)
//   E(pass) = TDP/BW c_bytes bytes + TDP/peak c_flop FLOP + TDP devices c_layer layers
//   rest    = prompts / G + TDP devices c_token
//
// k tokens a step and sequence, B sequences, G output tokens; bytes and FLOP of each pass from the model's own list. No
// step that checks drafts was ever measured, so the interval is wider (sd 0.2 of ln, assumed).
#pragma once
#include <optional>

#include "isoflop/estimate.h"
#include "isoflop/sim/serving/serving_memory.h"
#include "isoflop/sim/serving/speculation.h"

namespace isoflop::sim {

/// `weight_bytes`: read in the middle decode step, everywhere. Nothing where the device lacks TDP, bandwidth or peak.
std::optional<Estimate> token_joules(const StepPricer& pricer, const ServingMemory& memory, const ServingLoad& load,
                                     double weight_bytes);

struct DraftedPasses {  ///< What a step with drafts is made of, beside what it replaces.
  const StepTime& plain;
  const StepTime& verify;
  const StepTime& draft;           ///< one of the q
  double tokens_per_step = 1;
  double prefill_flop = 0;         ///< of all prompts, the model's
  double draft_prefill_flop = 0;
};
/// `plain`: joules of a token without drafts.
Estimate drafted_joules(const Estimate& plain, const StepPricer& pricer, const ServingLoad& load,
                        const Speculation& speculation, const DraftedPasses& passes);

}  // namespace isoflop::sim
