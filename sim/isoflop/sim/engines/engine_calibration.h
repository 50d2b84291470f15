// Measured rows of engines to constants: every law fitted on its own rows, pooled over engines and chips.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "isoflop/sim/engines/engine_laws.h"
#include "isoflop/sim/engines/pooled_fit.h"

namespace isoflop::sim {

struct EngineFit {  ///< One law with its fitted cells.
  const EngineLaw* law = nullptr;
  std::vector<std::size_t> rows;  ///< positions in the samples, of those fitted to
  PooledFit fit;
};

struct EngineCalibrationOptions {  ///< Cross-validation and threads.
  int folds = 10;
  bool leave_chips_out = true;
  std::uint64_t seed = 42;
  int threads = 0;
};

/// Laws with too few rows are left out. Rows that state a lower bound are not fitted to.
std::vector<EngineFit> calibrate_engines(const std::vector<EngineLaw>& laws, const std::vector<EngineSample>& samples,
                                         const EngineCalibrationOptions& options = {});

}  // namespace isoflop::sim
