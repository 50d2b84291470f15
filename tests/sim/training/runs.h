// Training runs that tests share.
#pragma once
#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/sim/training/training_run.h"

namespace isoflop::test {

inline sim::TrainingRun training_run(const std::string& model, const std::string& device, const sim::Layout& layout,
                                     double batch, std::int64_t length = 4096) {
  static const ModelCatalogue models = ModelCatalogue::load();
  static const AcceleratorCatalogue accelerators = AcceleratorCatalogue::load();
  sim::TrainingRun run;
  run.architecture = architecture_of(models.require(model));
  run.accelerator = accelerators.require(device);
  run.cluster = sim::default_cluster(run.accelerator);
  run.layout = layout;
  run.sequence_length = length;
  run.global_batch = batch;
  return run;
}

}  // namespace isoflop::test
