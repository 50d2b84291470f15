// Points for tests of laws, spread over the span of their inputs.
#pragma once
#include <cmath>
#include <vector>

#include "isoflop/fits/loss_law.h"

/// Point `index` of a Halton sequence over the inputs.
inline std::vector<double> spread_point(const isoflop::fits::LossLaw& law, std::size_t index) {
  static const int primes[] = {2, 3, 5, 7, 11};
  std::vector<double> point;
  for (std::size_t i = 0; i < law.facts().inputs.size(); ++i) {
    const auto& input = law.facts().inputs[i];
    double fraction = 0, share = 1;
    for (std::size_t k = index + 1; k > 0; k /= static_cast<std::size_t>(primes[i])) {
      share /= primes[i];
      fraction += share * static_cast<double>(k % static_cast<std::size_t>(primes[i]));
    }
    point.push_back(input.logarithmic ? input.low * std::pow(input.high / input.low, fraction)
                                      : input.low + fraction * (input.high - input.low));
  }
  return point;
}

