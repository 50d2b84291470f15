#include "isoflop/sim/training/memory_variants.h"

namespace isoflop::sim {

std::vector<MemoryVariant> memory_variants(const TrainingRun& run, const TrainingConstants& constants,
                                           const FrameworkMemory& framework) {
  const ListedModel model = list_model(run);
  const DevicePeaks peaks = peaks_of(run.accelerator, run.precision);
  const bool copies = run.layout.replicas() > 1 || run.layout.expert_replicas() > 1;
  std::vector<MemoryVariant> variants;
  for (const Recompute recompute : {Recompute::None, Recompute::Selective, Recompute::Elementwise, Recompute::Full}) {
    // With flash attention there are no scores to free.
    if (recompute == Recompute::Selective && run.program.flash_attention && run.layout.recompute != recompute) continue;
    for (const Sharding sharding : {Sharding::None, Sharding::Zero1, Sharding::Zero2, Sharding::Zero3}) {
      const bool chosen = recompute == run.layout.recompute && sharding == run.layout.sharding;
      if (!copies && !chosen && sharding != run.layout.sharding) continue;
      TrainingRun other = run;
      other.layout.recompute = recompute;
      other.layout.sharding = sharding;
      variants.push_back({sharding, recompute, training_memory(other, framework, model).peak,
                          training_time(training_work(other, model), peaks, constants).step_s, chosen});
    }
  }
  return variants;
}

}  // namespace isoflop::sim
