// How the least loss falls with compute: L*(C) = E + K C^-g through the lowest losses that approach 1 (envelope of
// curves) or approach 2 (vertices of parabolas) find. It gives those approaches a floor E, which their exponents alone
// do not.
#pragma once
#include <string>
#include <vector>

namespace isoflop::fits {

struct FrontierPoint {  ///< A budget and the least loss found with it.
  double compute_flop = 0, loss = 0;
};

struct LossFrontier {
  double E = 0, K = 0, g = 0;  ///< K for C in units of the geometric mean of the points
  double unit_flop = 1;
  double rms = 0;              ///< nats
  std::string reason;          ///< why there is none; empty when there is one

  bool usable() const { return reason.empty(); }
  double loss(double compute_flop) const;  ///< L*(C) in nats per token, C in FLOP.
};

/// Least squares; E is held at 0 or more, g between 0.01 and 2. Needs four points at different compute.
LossFrontier fit_frontier(const std::vector<FrontierPoint>& points);

}  // namespace isoflop::fits
