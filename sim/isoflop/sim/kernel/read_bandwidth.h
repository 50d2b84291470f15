// How fast this machine reads memory: the denominator of a measured MBU, taken in the same process and between its tokens.
#pragma once
#include <vector>

#include "isoflop/sim/kernel/crew.h"

namespace isoflop::sim {

class ReadBandwidth {
 public:
  /// A buffer of `bytes`, far larger than any cache, read by the crew's threads side by side.
  ReadBandwidth(std::size_t bytes, Crew& crew);
  /// Bytes per second over one pass.
  double measure();

 private:
  std::vector<float> buffer_;
  Crew& crew_;
  float sink_ = 0;
};

}  // namespace isoflop::sim
