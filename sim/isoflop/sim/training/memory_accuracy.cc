#include "isoflop/sim/training/memory_accuracy.h"

#include <algorithm>

#include "isoflop/sim/training/training_memory.h"

namespace isoflop::sim {

double predicted_peak_bytes(const TrainingMemorySample& s) {
  const double peak = training_memory(s.run, framework_memory(s.count, s.run.program.allocator)).peak.total();
  if (s.count == MemoryCount::Allocated || s.count == MemoryCount::Needed) return peak;
  const double tensors = training_memory(s.run, framework_memory(MemoryCount::Allocated)).peak.total();
  return std::max(tensors, std::min(peak, s.device_bytes));
}

MemoryResiduals MemoryResiduals::load(const DataFolder& folder) {
  MemoryResiduals residuals;
  const TrainingSamples table = read_training_table(open_data_table("training_memory.csv", folder), folder);
  for (const TrainingMemorySample& s : table.memory) {
    residuals.ratios_.push_back(s.measured * s.unit_bytes / predicted_peak_bytes(s));
    residuals.sources_.push_back(s.source);
  }
  return residuals;
}

RatioInterval MemoryResiduals::interval(const std::set<std::string>& left_out) const {
  std::vector<double> ratios;
  std::vector<std::string> sources;
  for (std::size_t i = 0; i < ratios_.size(); ++i)
    if (!left_out.contains(sources_[i])) {
      ratios.push_back(ratios_[i]);
      sources.push_back(sources_[i]);
    }
  return conformal_interval(ratios, sources);
}

}  // namespace isoflop::sim
