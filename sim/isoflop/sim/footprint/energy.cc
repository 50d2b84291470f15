#include "isoflop/sim/footprint/energy.h"

#include <fmt/format.h>

#include "isoflop/error.h"

namespace isoflop::sim {

Pue pue(double ratio) {
  if (!(ratio >= 1) || ratio > 10) throw Error(Fault::BadInput, fmt::format("PUE {} is not between 1 and 10", ratio));
  return Pue(ratio);
}

}  // namespace isoflop::sim
