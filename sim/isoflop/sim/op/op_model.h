// One entrance to the op-time models: which constants price a call, and what it costs with them.
#pragma once
#include <compare>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "isoflop/hardware/accelerator.h"
#include "isoflop/sim/calibrate/calibration.h"
#include "isoflop/sim/op/op_cost.h"
#include "isoflop/sim/op/shapes.h"

namespace isoflop::sim {

/// Calls with the same key share constants on one chip.
struct OpKey {
  std::string op;       ///< "gemm", "attention_prefill", "attention_decode", "elementwise", "moe", "all_reduce", ...
  std::string variant;  ///< number format, kind of element work, or extent of the network
  auto operator<=>(const OpKey&) const = default;
};

OpKey key_of(const OpShape& shape);  ///< Kind and format of the kernel that a shape asks for.

/// Constants of the key's model, as a fit needs them.
/// `cache_seen`: some rows of a repeated call were faster than memory, so that the cache can be fitted.
std::vector<Constant> op_constants(const OpKey& key, bool cache_seen = false);

/// Generic efficiencies, assumed where nothing was measured; ordered as op_constants.
std::vector<double> generic_values(const OpKey& key);

/// The device as its data sheet states it, for the arithmetic of this call. A format without a peak of its own is
/// computed in 16 bits when only weights or caches are stored in it, else Error (Usage).
DeviceLimits limits_for(const OpShape& shape, const Accelerator& accelerator);

/// Seconds with these constants, ordered as op_constants(key_of(shape)).
OpCost op_cost(const OpShape& shape, const DeviceLimits& limits, std::span<const double> values,
               const CallConditions& conditions = {});

/// The same as a function of the constants alone, with all that does not depend on them worked out once.
std::function<double(std::span<const double> values)> prepared_seconds(const OpShape& shape, const DeviceLimits& limits,
                                                                       const CallConditions& conditions);

}  // namespace isoflop::sim
