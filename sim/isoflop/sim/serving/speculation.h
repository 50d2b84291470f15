// Speculative decoding: a draft proposes q tokens, the model checks them in one pass and keeps those before the first
// refusal, plus one of its own.
//
//   tokens a step and sequence   1 + p + p^2 + ... + p^q = (1 - p^(q+1)) / (1 - p)
//   step = verify + q draft steps
//   verify   a pass over q + 1 tokens of every sequence after c cached ones, logits at all of them; a mixture touches
//            the experts of B (q + 1) tokens; its attention never less than that of one token, which reads the cache
//            too
//   draft    one token of every sequence through the draft model, or through the model's own prediction layer (repeated
//            where q exceeds the layers there are); each such pass waits for the host once, as any other
// p is the chance that a drafted token is accepted, the same for every position and independent (Leviathan et al. 2023,
// arXiv:2211.17192). It is a property of model, draft and text: measure it. The last step of a generation may yield
// tokens beyond its end; that is not counted (less than q tokens of a whole generation). The prompt passes through the
// draft as well. q = 0 is plain decoding.
#pragma once
#include <optional>

#include "isoflop/sim/serving/step_time.h"

namespace isoflop::sim {

struct Speculation {
  std::int64_t tokens = 0;            ///< q
  double acceptance = 0;              ///< p in [0, 1]
  const StepPricer* draft = nullptr;  ///< none: the prediction layer of the model itself
  ServingLoad draft_load;             ///< layout and formats of the draft model
};

/// Expected tokens that a sequence gains in a step.
double tokens_per_step(std::int64_t drafted, double acceptance);
/// The acceptance at which a step that takes `ratio` times a plain one pays; nothing when none does.
std::optional<double> break_even_acceptance(std::int64_t drafted, double ratio);

struct SpeculativeStep {  ///< A pass that verifies, and the q draft passes before it.
  Estimate seconds{0, 0, 0, {}};
  double floor_s = 0, weight_bytes = 0, kv_bytes = 0;
  StepTime verify, draft;  ///< draft: one of the q
};
SpeculativeStep speculative_step(const StepPricer& model, const ServingLoad& load, const Speculation& speculation,
                                 std::int64_t context);
/// The draft's pass over all prompts.
StepTime draft_prefill(const StepPricer& model, const ServingLoad& load, const Speculation& speculation);

/// What comes out of it beside the times of the answer.
struct SpeculationOutcome {
  double tokens_per_step = 1;
  Estimate step_s{0, 0, 0, {}}, verify_s{0, 0, 0, {}}, draft_s{0, 0, 0, {}};  ///< draft_s: one draft step
  Estimate plain_tpot_s{0, 0, 0, {}};
  Estimate speedup{1, 1, 1, {}};  ///< plain over speculative time per output token, both erring alike
  std::optional<double> break_even_acceptance;
};

}  // namespace isoflop::sim
