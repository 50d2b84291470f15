// How far predicted peaks of memory are from published ones (data/training_memory.csv). No constant of the memory model
// is fitted to these rows; they say how wide an interval has to be, each source judged by the others.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "isoflop/catalogue/data_files.h"
#include "isoflop/sim/calibrate/cross_validation.h"
#include "isoflop/sim/training/training_table.h"

namespace isoflop::sim {

/// Bytes, in the count of the sample (allocated, reserved, process); a caching allocator holds no more than its device.
double predicted_peak_bytes(const TrainingMemorySample& sample);

class MemoryResiduals {  ///< Measured over predicted peaks of every row, by source.
 public:
  static MemoryResiduals load(const DataFolder& folder = {});  ///< training_memory.csv of the folder or built in.

  /// Bounds measured over predicted in 90 % of runs of a source never seen, from the sources that are not `left_out`.
  RatioInterval interval(const std::set<std::string>& left_out = {}) const;
  std::size_t rows() const { return ratios_.size(); }

 private:
  std::vector<double> ratios_;  ///< measured over predicted
  std::vector<std::string> sources_;
};

/// MemoryResiduals::interval() of the built-in table, for output that must not take its milliseconds; a test recomputes
/// it.
inline constexpr RatioInterval published_peaks{0.84, 1.56};

}  // namespace isoflop::sim
