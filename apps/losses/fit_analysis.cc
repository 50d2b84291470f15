#include "apps/losses/fit_analysis.h"

#include <fmt/format.h>

#include <limits>

namespace isoflop::app {

using fits::ChinchillaLaw;

FittedValue FitAnalysis::interval(const Quantity& quantity) const {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  if (!fit.usable()) return {nan, nan, nan, nan};
  switch (kind) {
    case IntervalKind::Normal:
      return normal_interval(draws, fit.law, quantity.of, level, quantity.positive);
    case IntervalKind::Bca:
      return bca_interval(draws, left_out, fit.law, quantity.of, level);
    case IntervalKind::Percentile:
      break;
  }
  return percentile_interval(draws, fit.law, quantity.of, level);
}

FittedValue FitAnalysis::clustered_interval(const Quantity& quantity) const {
  return normal_interval(clustered, fit.law, quantity.of, level, quantity.positive);
}

std::string FitAnalysis::interval_text() const {
  const char* how = kind == IntervalKind::Normal ? "normal intervals from"
                    : kind == IntervalKind::Bca  ? "BCa intervals from"
                                                 : "percentiles of";
  return fmt::format("{} the {}, {} replicates", how, draws.scheme, draws.laws.size());
}

std::vector<Quantity> parameter_quantities(const fits::ChinchillaOptions& options) {
  std::vector<Quantity> list{{"E", "E", [](const ChinchillaLaw& law) { return law.E; }},
                             {"A", "A", [](const ChinchillaLaw& law) { return law.A; }, true},
                             {"B", "B", [](const ChinchillaLaw& law) { return law.B; }, true},
                             {"alpha", "alpha", [](const ChinchillaLaw& law) { return law.alpha; }},
                             {"beta", "beta", [](const ChinchillaLaw& law) { return law.beta; }}};
  if (options.coupled) list.push_back({"k", "k", [](const ChinchillaLaw& law) { return law.k; }});
  return list;
}

Quantity exponent_a_quantity() {
  return {"exponent_a", "a: N* ~ C^a", [](const ChinchillaLaw& law) { return law.exponent_a(); }};
}
Quantity exponent_b_quantity() {
  return {"exponent_b", "b: D* ~ C^b", [](const ChinchillaLaw& law) { return law.exponent_b(); }};
}
Quantity scale_quantity() {
  return {"G", "G: N* = G (C/6)^a", [](const ChinchillaLaw& law) { return law.G(); }, true};
}

std::vector<Quantity> allocation_quantities(double budget) {
  return {{"params", "N*", [budget](const ChinchillaLaw& law) { return law.optimum(budget).params; }, true},
          {"tokens", "D*", [budget](const ChinchillaLaw& law) { return law.optimum(budget).tokens; }, true},
          {"tokens_per_param", "D/N",
           [budget](const ChinchillaLaw& law) {
             const auto best = law.optimum(budget);
             return best.tokens / best.params;
           },
           true},
          {"loss", "loss", [budget](const ChinchillaLaw& law) { return law.optimum(budget).loss; }}};
}

}  // namespace isoflop::app
