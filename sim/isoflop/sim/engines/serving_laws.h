// Laws of a server in closed loop: C requests in flight, each answered request replaced by the next.
//
//   B      = requests decoded together, min(C, what the cache holds)
//   t_p    = F_p/(n P e_prompt x4) + X_p/(link e_link) + L prompt_start                       one prompt on the device
//   TPOT   = host + B host_request + L (start + [n > 1] (sync + sync_log lg n)) + L_experts expert_start
//            + max((W + q_e W_e)/(n bw e_weights) + kv/(n bw e_cache), F/(n P e_decode)) + X/(link e_link) + B t_p /
//            OSL
//            with drafted tokens all but the last term is divided by g = 1 + draft / (1 + B / draft_half); where
//            drafting is not stated, by 1 + draft_share (g - 1)
//   TTFT   = own + t_p + burst C t_p/2 + steps TPOT + stream TPOT [ISL = OSL] + late OSL TPOT (C - 1)/C^2 + C queue +
//   slots slots  = (C/B - 1) OSL TPOT where the cache holds fewer than C
//
// The last term of TPOT is what peers' prompts cost: every output token pays for ISL/OSL of them. TTFT in closed loop
// is mostly waiting: for the prompts that came in the same wave (burst), for the decode steps under way, for a free
// slot. n devices, t_p of one request; e and q fitted per engine, benchmark protocol, kind of model and chip.
#pragma once
#include "isoflop/sim/engines/engine_laws.h"

namespace isoflop::sim {

/// "tpot", then "ttft", which rests on the predictions of the first.
const std::vector<EngineLaw>& serving_laws();

}  // namespace isoflop::sim
