// The common shape of every op-time model: limits of the device, constants of the kernel, conditions of the call in;
// seconds with what bounds them out.
#pragma once
#include <span>
#include <string_view>

namespace isoflop::sim {

/// What the data sheet allows. Zero means the vendor states none.
struct DeviceLimits {
  double peak_flop_per_s = 0;        ///< dense, of the arithmetic in use
  double bandwidth_bytes_per_s = 0;  ///< of the memory
  double multiprocessors = 1;
  double link_bytes_per_s = 0;       ///< per direction and device, inside a node
  double network_bytes_per_s = 0;    ///< per direction and device, between nodes
};

/// How the call is made. The defaults are those of a running model: operands come from memory, and the host runs ahead
/// of the device. A benchmark loop on one small kernel has both set.
struct CallConditions {
  bool operands_cached = false;  ///< repeated on the same operands, which may then stay in the last-level cache
  bool host_waits = false;       ///< the host's launch time shows when the device is faster
};

enum class Bound { Compute, Bandwidth, Launch, Link };  ///< What a call spends its time on.
std::string_view name_of(Bound bound);

struct OpCost {
  double seconds = 0;
  double floor_s = 0;       ///< speed of light: the longest of the three below
  double arithmetic_s = 0;  ///< FLOP / peak
  double memory_s = 0;      ///< least bytes / bandwidth
  double link_s = 0;        ///< least bytes / link
  Bound bound = Bound::Compute;
};

/// Partial overlap of two streams of work: (a^2 + b^2)^(1/2) lies between max(a, b) (perfect overlap) and
/// a + b (none). The exponent 2 is what cross-validation over the chips and formats of op_gemm prefers to 1, 3 and 4.
double overlapped(double a_s, double b_s);

}  // namespace isoflop::sim
