// What a piece of work asks of this CPU, independent of how fast it turns out to be: exact arithmetic, the fewest bytes
// it must read, and where they lie. Speed of light of a piece of work: max(FLOP / peak, bytes / bandwidth of its
// working set).
#pragma once
#include <string>

#include "isoflop/sim/machine/machine_limits.h"

namespace isoflop::sim {

struct CpuWork {
  std::string kind;          ///< works of one kind share constants: "packed product bf16", "norm", "stream int8"
  PeakKind arithmetic = PeakKind::Fp32;
  double flop = 0;           ///< exact
  double tile_flop = 0;      ///< with the edges of tiles filled up; at least flop
  double bytes = 0;  ///< read, every operand once; what is written leaves on its own and is not held against reading
  double working_set = 0;    ///< bytes between two uses of the same data: decides which memory they come from
  double calls = 1;          ///< kernel calls, each with its start
  double rows = 0;           ///< inner calls: rows of element work, tiles of outputs
  double items = 0;          ///< elements handled one by one beside the arithmetic: exponentials, sums, packed operands
  double packed = 0;         ///< elements copied into panels
};

/// Never faster than this on the machine described.
double light_seconds(const CpuWork& work, const LimitValues& limits);

}  // namespace isoflop::sim
