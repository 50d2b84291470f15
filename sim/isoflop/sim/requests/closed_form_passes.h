// Pass times and cache room of a replica, taken from the serving closed form.
//
// The closed form adds operations up: attention core depends on who has how much context, logits on how many sequences
// are sampled, everything else on how many tokens pass through. Each is priced once on a grid; see pass_table.h. Latent
// attention computes prompts another way than decoding; the difference goes with the prompt's piece.
#pragma once
#include "isoflop/sim/requests/pass_table.h"
#include "isoflop/sim/serving/serving_memory.h"
#include "isoflop/sim/serving/step_time.h"

namespace isoflop::sim {

/// Tables at the low end, the centre and the high end of the closed form's 90 % ranges.
struct PassTables {
  PassTable low, central, high;
};
PassTables price_passes(const StepPricer& pricer, const ServingLoad& load, const PassLimits& limits);

/// Memory left for the cache once weights, activations of a pass of `step_tokens`, and the rest have theirs.
struct CacheRoom {
  double bytes = 0;            ///< over all devices of a replica, negative when not even the weights fit
  double bytes_per_token = 0;  ///< one more token of one sequence, copies included
  std::int64_t blocks = 0;
  std::int64_t window_tokens = 0;  ///< every layer sees a window: a sequence keeps no more than this; 0 = no such limit
};
CacheRoom cache_room(const Architecture& architecture, const Accelerator& accelerator, const MemoryModel& memory,
                     ServingLoad load, std::int64_t max_sequences, std::int64_t step_tokens, std::int64_t block_tokens);

}  // namespace isoflop::sim
