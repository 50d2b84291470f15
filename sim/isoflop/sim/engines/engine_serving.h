// What a named engine does with a load, by the constants of a profile: time to first token and per output token of
// `isoflop serve --engine NAME`.
//
// trtllm, vllm, sglang: a server in closed loop with `batch` requests in flight. llama.cpp, gpt-fast, mlx: one request.
// A model that no server was measured with gets at least the ranges found by leaving whole models out.
// fastertransformer: a fixed batch from prompt to last token; its first token is what one token costs.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/estimate.h"
#include "isoflop/hardware/accelerator.h"
#include "isoflop/model/architecture.h"
#include "isoflop/sim/engines/engine_profile.h"
#include "isoflop/sim/serving/serving_load.h"

namespace isoflop::sim {

inline const std::vector<std::string> engine_names = {"trtllm",   "vllm",      "sglang", "fastertransformer",
                                                      "gpt-fast", "llama.cpp", "mlx"};

struct EngineAnswer {  ///< Times with 90 % ranges, and what they rest on.
  Estimate ttft_s{0, 0, 0, {}}, tpot_s{0, 0, 0, {}};
  bool closed_loop = false;           ///< TTFT is a request's, waiting included
  std::string basis;                  ///< a sentence: whose rows the constants rest on
  std::vector<std::string> warnings;
};

/// Throws Error (Usage) for an unknown engine, a batch above 1 for one that serves single requests, or more than one
/// device where the engine has no tensor parallelism; CannotRun when the profile has no constants for the engine's
/// laws.
EngineAnswer engine_answer(const EngineProfile& profile, const std::string& engine, const Architecture& architecture,
                           const Accelerator& accelerator, const ServingLoad& load);

}  // namespace isoflop::sim
