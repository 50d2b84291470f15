// Passes of a whole batch through the pipeline stages, several parts of it in flight.
//
// A batch of B sequences over p stages is cut into m = min(p, B) parts of almost equal size, so that every stage has
// one to work on. A part crosses the stages one after the other; the next enters a stage when the one before has left.
//   one token for everybody   max( seconds of one part through all stages, sum over parts of the slowest stage )
//   the prompts               the first part through all stages, then the slowest stage for each further part:
//                             with equal stages (m + p - 1)/m times the work of a stage, of which a share
//                             (p - 1)/(m + p - 1) is the bubble
// The host prepares every part once. One stage: the pass as it is. Latency of one part does not fall with p; what falls
// is memory per device, and what rises is the batch that fits.
#pragma once
#include "isoflop/sim/serving/step_time.h"

namespace isoflop::sim {

/// One token, or the prompts, of every sequence of the batch.
struct Round {
  Estimate seconds{0, 0, 0, {}};
  double floor_s = 0;  ///< bytes / bandwidth, FLOP / peak
  double weight_bytes = 0, kv_bytes = 0, matmul_flop = 0;  ///< of all parts, all devices
  std::int64_t parts = 1;
  double idle_share = 0;  ///< of the stages' time, waiting for a part
  StepTime pass;          ///< of the largest part
};
Round decode_round(const StepPricer& pricer, const ServingLoad& load, std::int64_t context);
Round prefill_round(const StepPricer& pricer, const ServingLoad& load);

}  // namespace isoflop::sim
