#include "isoflop/fits/jacobian.h"

#include <cmath>

#include "isoflop/fits/kernel/global_search.h"

namespace isoflop::fits {
namespace {

std::array<double, theta_size> residual_gradient(const Run& run, const ChinchillaLaw& law,
                                                 const ChinchillaOptions& options) {
  const double ln_n = std::log(run.params), ln_d = std::log(run.tokens);
  const double a = law.A * std::exp(-law.alpha * ln_n), b = law.B * std::exp(-law.beta * ln_d);
  const double inner = law.k == 1 ? a + b : std::pow(a + b, law.k), loss = law.E + inner;
  const double scale = options.residual == Residual::RawLoss ? 1 : 1 / loss;
  const double da = scale * law.k * inner * a / (a + b), db = scale * law.k * inner * b / (a + b);
  return {da, db, scale * law.E, -ln_n * da, -ln_d * db, scale * inner * std::log(a + b)};
}

}  // namespace

double residual_of(const Run& run, const ChinchillaLaw& law, const ChinchillaOptions& options) {
  const double predicted = law.loss(run.params, run.tokens);
  return options.residual == Residual::RawLoss ? predicted - run.loss : std::log(predicted / run.loss);
}

std::vector<std::vector<double>> residual_jacobian(const RunTable& runs, const ChinchillaFit& fit,
                                                   const ChinchillaOptions& options) {
  const kernel::FreeMap map(options);
  std::vector<std::vector<double>> rows;
  for (const Run& run : runs.runs()) {
    const auto gradient = residual_gradient(run, fit.law, options);
    auto& row = rows.emplace_back(map.count, 0.0);
    for (std::size_t j = 0; j < theta_size; ++j)
      if (map.slot[j] >= 0) row[static_cast<std::size_t>(map.slot[j])] += gradient[j];
  }
  return rows;
}

}  // namespace isoflop::fits
