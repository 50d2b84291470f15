// Accelerators made of the same silicon. Where one was not measured with a kernel, the other's constants are a far
// better guess than a mean over all chips, because constants are shares of peak, bandwidth and link: H100's kernels on
// H200 err by 10.5 % (bf16 products, 472 rows; 13 % the mean of all chips, 17 % generic efficiencies) and 14 % (decode
// attention, 955 rows; generic 21 %), with measured / predicted 0.80 to 1.53 in 90 %.
#pragma once
#include <string>
#include <vector>

namespace isoflop::sim {

/// Other ids of the same family, nearest first; empty when there is none.
std::vector<std::string> relatives(const std::string& accelerator);

/// How much wider than on its own chip an interval is on a relative (on both sides; from H100 and H200, as above).
inline constexpr double relative_widening = 1.15;

}  // namespace isoflop::sim
