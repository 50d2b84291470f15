// Latency, throughput, memory, energy and price of one batch served from prompt to last token, in closed form: all
// sequences start together, nobody queues, the batch stays full.
//
//   TTFT  one pass over all prompts of the batch
//   TPOT  mean of the generate - 1 decode steps, context growing from prompt on: (end to end - TTFT) / (generate - 1)
//   MBU   (weight bytes read + cache bytes) / TPOT / (devices x data-sheet bandwidth), mean over the steps
//   MFU   matrix FLOP of the prefill / TTFT / (devices x peak of its arithmetic)
//   tokens/s  batch x generate / (TTFT + (generate - 1) TPOT): output tokens, prefill paid for
//   USD per million output tokens = devices x USD/h / 3600 / tokens/s x 1e6
// Energy per output token: inference_energy.h, accelerators only.
// Over pipeline stages the batch is cut into parts that are in flight together (pipeline.h).
// With speculative decoding (speculation.h) TPOT is a step over the tokens it yields; one pipeline stage only.
// Not modelled: queueing, arrivals, chunked prefill beside decode, prefix caches.
#pragma once
#include <optional>

#include "isoflop/sim/serving/pipeline.h"
#include "isoflop/sim/serving/serving_memory.h"
#include "isoflop/sim/serving/speculation.h"
#include "isoflop/sim/serving/step_time.h"

namespace isoflop::sim {

struct ServingAnswer {  ///< Times and rates with ranges, and what they are made of.
  Estimate ttft_s{0, 0, 0, {}}, tpot_s{0, 0, 0, {}};
  Estimate ttft_alone_s{0, 0, 0, {}};          ///< of a batch of one
  Estimate decode_tokens_per_s{0, 0, 0, {}};   ///< batch / TPOT
  Estimate output_tokens_per_s{0, 0, 0, {}};   ///< with prefill
  Estimate prefill_tokens_per_s{0, 0, 0, {}};
  Estimate mbu{0, 0, 0, {}}, mfu_prefill{0, 0, 0, {}};
  std::optional<Estimate> usd_per_million_tokens, joules_per_token;
  double tpot_floor_s = 0, ttft_floor_s = 0;
  StepTime prefill, decode;  ///< passes; decode: in the middle of the generation. With a pipeline: of one part
  double prefill_flop = 0;   ///< matrix products of all prompts
  std::int64_t parts = 1;    ///< of the batch, in flight together over the pipeline stages
  double idle_prefill = 0, idle_decode = 0;  ///< share of the stages' time
  std::optional<SpeculationOutcome> speculation;  ///< decode is then the checking pass
  StepTime draft;                                 ///< one draft step
  ServingMemory memory;
  bool fits = false;
  bool closed_loop = false;
  std::int64_t max_batch = 0, max_context = 0;
};

/// `decode_points`: steps at which the growing context is priced.
struct ServingOptions {
  std::optional<double> usd_per_device_hour;  ///< instead of the catalogue's
  int decode_points = 5;
  std::optional<Estimate> ttft_s, tpot_s;  ///< of a measured engine or a steady state, instead of this batch's
  std::optional<double> ttft_floor_s, tpot_floor_s;
  const Speculation* speculation = nullptr;
  bool closed_loop = false;                ///< ttft_s is a request's among `batch` in flight, waiting included
};

/// Throws Error (Usage) for a load that cannot be, or a device without a needed figure. A load that does not fit in
/// memory is priced all the same, with fits = false.
ServingAnswer serve(const StepPricer& pricer, const MemoryModel& memory, const ServingLoad& load,
                    const ServingOptions& options = {});

/// The least time of a decode step of one batch: max(bytes / bandwidth, FLOP / peak) of a stage's devices, and the
/// bytes.
struct DecodeFloor {
  double weight_bytes = 0, kv_bytes = 0, seconds = 0;
};
DecodeFloor decode_floor(const Architecture& architecture, const Accelerator& accelerator, const ServingLoad& load,
                         std::int64_t context);

}  // namespace isoflop::sim
