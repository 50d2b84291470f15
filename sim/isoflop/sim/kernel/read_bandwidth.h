// How fast this machine reads memory: the denominator of a measured MBU, taken in the same process and between its
// tokens.
#pragma once
#include <cstdint>

#include "isoflop/sim/kernel/crew.h"
#include "isoflop/sim/kernel/large_pages.h"

namespace isoflop::sim {

class ReadBandwidth {
 public:
  /// `bytes` in all, each thread of the crew reading its own part front to back. For memory: far larger than any cache.
  ReadBandwidth(std::size_t bytes, Crew& crew);
  /// Bytes per second over as many passes as take `seconds`, at least one. Throws Error (CannotRun) when a thread read
  /// something else than was written.
  double measure(double seconds = 0);
  std::size_t bytes() const { return words_.size() * sizeof(std::uint32_t); }

 private:
  LargeArray<std::uint32_t> words_;
  Crew& crew_;
};

}  // namespace isoflop::sim
