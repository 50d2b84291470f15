#include "isoflop/sim/op/op_cost.h"

#include <cmath>

namespace isoflop::sim {

std::string_view name_of(Bound bound) {
  switch (bound) {
    case Bound::Compute: return "compute";
    case Bound::Bandwidth: return "bandwidth";
    case Bound::Launch: return "launch";
    case Bound::Link: return "link";
  }
  return "";
}

double overlapped(double a_s, double b_s) { return std::sqrt(a_s * a_s + b_s * b_s); }

}  // namespace isoflop::sim
