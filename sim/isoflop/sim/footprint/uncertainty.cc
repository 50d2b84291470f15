#include "isoflop/sim/footprint/uncertainty.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

/// Away from 0 and 1, where the quantiles of unbounded distributions are infinite.
double open_uniform(Random& random) { return std::clamp(random.uniform(), 1e-12, 1 - 1e-12); }

double variance_of(std::span<const double> sample) {
  const double deviation = standard_deviation(sample);
  return deviation * deviation;
}

}  // namespace

Propagated propagate(const std::vector<UncertainInput>& inputs, std::size_t output_count, const PureFunction& function,
                     const PropagationOptions& options) {
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].distribution.is_fixed()) free.push_back(i);

  Propagated result;
  result.outputs.resize(output_count);
  result.means.resize(output_count);
  result.shares.resize(output_count);
  std::vector<double> central(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) central[i] = inputs[i].distribution.median();
  if (free.empty()) {
    std::vector<double> values(output_count);
    function(central, values);
    for (std::size_t o = 0; o < output_count; ++o) {
      if (!std::isfinite(values[o])) throw Error(Fault::CannotRun, "the inputs give a result that is not finite");
      result.outputs[o] = Estimate::exact(values[o], "exact: no input is uncertain");
      result.means[o] = values[o];
    }
    return result;
  }

  const std::size_t n = options.draws, columns = free.size() + 2;  // A, B, then A with one input from B
  result.draws = 2 * n;
  std::vector<std::vector<double>> f(output_count * columns, std::vector<double>(n));
  parallel_for(n, options.threads, [&](std::size_t row) {
    Random random(options.seed, row);
    std::vector<double> a = central, b = central, values(output_count);
    for (std::size_t i : free) {
      a[i] = inputs[i].distribution.quantile(open_uniform(random));
      b[i] = inputs[i].distribution.quantile(open_uniform(random));
    }
    const auto evaluate = [&](const std::vector<double>& point, std::size_t column) {
      function(point, values);
      for (std::size_t o = 0; o < output_count; ++o) {
        if (!std::isfinite(values[o])) throw Error(Fault::CannotRun, "the inputs give a result that is not finite");
        f[o * columns + column][row] = values[o];
      }
    };
    evaluate(a, 0);
    evaluate(b, 1);
    for (std::size_t k = 0; k < free.size(); ++k) {
      const double kept = a[free[k]];
      a[free[k]] = b[free[k]];
      evaluate(a, 2 + k);
      a[free[k]] = kept;
    }
  });

  const std::string origin = fmt::format("Monte Carlo, {} draws, 5th to 95th percentile", 2 * n);
  for (std::size_t o = 0; o < output_count; ++o) {
    const auto* column = &f[o * columns];
    std::vector<double> sample = column[0];
    sample.insert(sample.end(), column[1].begin(), column[1].end());
    result.means[o] = mean(sample);
    const double variance = variance_of(sample);
    std::sort(sample.begin(), sample.end());
    result.outputs[o] = {quantile(sample, 0.05), quantile(sample, 0.5), quantile(sample, 0.95), origin};
    if (!(variance > 1e-24 * result.means[o] * result.means[o])) continue;
    for (std::size_t k = 0; k < free.size(); ++k) {
      double from_a = 0, from_b = 0;
      for (std::size_t row = 0; row < n; ++row) {
        const double to_a = column[0][row] - column[2 + k][row], to_b = column[1][row] - column[2 + k][row];
        from_a += to_a * to_a;
        from_b += to_b * to_b;
      }
      const double twice = 2 * static_cast<double>(n) * variance;
      // In theory first order <= total; sampling noise of small shares is not allowed to say otherwise.
      const double total = std::clamp(from_a / twice, 0.0, 1.0);
      result.shares[o].push_back({inputs[free[k]].name, std::clamp(1 - from_b / twice, 0.0, total), total});
    }
    std::stable_sort(result.shares[o].begin(), result.shares[o].end(),
                     [](const VarianceShare& x, const VarianceShare& y) { return x.total > y.total; });
  }
  return result;
}

}  // namespace isoflop::sim
