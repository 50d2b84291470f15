#include "isoflop/fits/hindcast.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

// Share of `tested` inside the interval that draws of the law and of its residuals give.
double interval_coverage(const std::vector<Run>& tested, const ChinchillaFit& fit, const ChinchillaOptions& options,
                         const Draws& draws, double level, std::uint64_t seed) {
  if (draws.laws.size() < 20) return std::numeric_limits<double>::quiet_NaN();
  std::size_t inside = 0;
  for (std::size_t i = 0; i < tested.size(); ++i) {
    Random random(seed, i);
    std::vector<double> losses;
    for (const auto& law : draws.laws) {
      const double predicted = law.loss(tested[i].params, tested[i].tokens);
      const double residual = fit.residuals[random.index(fit.residuals.size())];
      const double loss =
          options.residual == Residual::RawLoss ? predicted - residual : predicted * std::exp(-residual);
      if (std::isfinite(loss)) losses.push_back(loss);
    }
    if (losses.empty()) continue;
    const double loss = tested[i].loss;
    inside += quantile(losses, (1 - level) / 2) <= loss && loss <= quantile(losses, (1 + level) / 2) ? 1 : 0;
  }
  return static_cast<double>(inside) / static_cast<double>(tested.size());
}

}  // namespace

std::vector<double> default_cuts(const RunTable& runs, const ChinchillaOptions& options) {
  double low = 1e300, high = 0;
  for (const Run& run : runs.runs()) {
    low = std::min(low, run.compute_flop());
    high = std::max(high, run.compute_flop());
  }
  std::vector<double> cuts;
  for (double decade = std::pow(10, std::floor(std::log10(low))); decade <= high; decade *= 10)
    for (const double step : {1.0, 2.0, 3.0, 5.0}) {
      const std::size_t below = runs.up_to_compute(step * decade).size();
      if (below < 8 * options.free_parameters() || runs.size() < below + 5) continue;
      cuts.push_back(step * decade);
    }
  return cuts;
}

std::vector<HindcastRow> hindcast(const RunTable& runs, const ChinchillaOptions& options,
                                  const std::vector<double>& cuts, double level, const BootstrapOptions& settings) {
  std::vector<HindcastRow> rows;
  for (double cut : cuts) {
    HindcastRow row;
    row.cut_flop = cut;
    const RunTable known = runs.up_to_compute(cut);
    std::vector<Run> tested;
    for (const Run& run : runs.runs())
      if (run.compute_flop() > cut) tested.push_back(run);
    row.fitted = known.size();
    row.tested = tested.size();
    if (known.size() == 0 || tested.empty()) continue;
    row.fit = fit_chinchilla(known, options);
    if (!row.fit.usable()) continue;
    double squares = 0;
    for (const Run& run : tested) {
      const double error = std::log(run.loss / row.fit.law.loss(run.params, run.tokens));
      squares += error * error;
      row.bias += error / static_cast<double>(tested.size());
    }
    row.rmse = std::sqrt(squares / static_cast<double>(tested.size()));
    Draws draws;
    if (settings.replicates > 0 && scheme_problem(known, settings.scheme).empty())
      draws = bootstrap(known, row.fit, options, settings);
    row.exponent_a = percentile_interval(
        draws, row.fit.law, [](const ChinchillaLaw& law) { return law.exponent_a(); }, level);
    row.coverage = interval_coverage(tested, row.fit, options, draws, level, settings.seed);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace isoflop::fits
