#include "isoflop/fits/approaches.h"

#include <array>
#include <cmath>
#include <limits>

#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Exponent a and ln N* per budget; NaN throughout where an approach gives no answer.
struct Answer {
  double exponent_a = nan;
  std::vector<double> log_params;
};
using Answers = std::array<Answer, approach_count>;

constexpr std::size_t at(ApproachKind kind) { return static_cast<std::size_t>(kind); }

Answer parabola_answer(const IsoflopFit& fit, const std::vector<double>& budgets) {
  Answer answer;
  answer.exponent_a = fit.exponent_a;
  for (double budget : budgets)
    answer.log_params.push_back(fit.usable() ? fit.log_factor + fit.exponent_a * std::log(budget) : nan);
  return answer;
}

Answer law_answer(const ChinchillaFit& fit, const std::vector<double>& budgets) {
  Answer answer;
  answer.exponent_a = fit.usable() ? fit.law.exponent_a() : nan;
  for (double budget : budgets)
    answer.log_params.push_back(fit.usable() ? std::log(fit.law.optimum(budget).params) : nan);
  return answer;
}

struct Pass {
  Answers answers;
  IsoflopFit isoflop, corrected;
  ChinchillaFit law, coupled;
};

Pass run_all(const RunTable& runs, const ApproachOptions& options, int threads) {
  Pass pass;
  ChinchillaOptions law = options.law;
  law.threads = threads;
  law.coupled = false;
  pass.law = fit_chinchilla(runs, law);
  law.coupled = true;
  pass.coupled = fit_chinchilla(runs, law);
  IsoflopOptions isoflop = options.isoflop;
  isoflop.alpha = isoflop.beta = std::nullopt;
  pass.isoflop = fit_isoflop_parabolas(runs, isoflop);
  if (pass.law.usable() && pass.law.law.alpha > 0 && pass.law.law.beta > 0) {
    isoflop.alpha = pass.law.law.alpha;
    isoflop.beta = pass.law.law.beta;
    pass.corrected = fit_isoflop_parabolas(runs, isoflop);
  } else {
    pass.corrected.reason = "the correction needs the exponents of approach 3, which gives none";
    pass.corrected.exponent_a = nan;
  }
  pass.answers[at(ApproachKind::Parabolas)] = parabola_answer(pass.isoflop, options.budgets_flop);
  pass.answers[at(ApproachKind::CorrectedParabolas)] = parabola_answer(pass.corrected, options.budgets_flop);
  pass.answers[at(ApproachKind::Law)] = law_answer(pass.law, options.budgets_flop);
  pass.answers[at(ApproachKind::CoupledLaw)] = law_answer(pass.coupled, options.budgets_flop);
  return pass;
}

template <typename F>
FittedValue interval(double central, const std::vector<Answers>& draws, double level, const F& of) {
  std::vector<double> sample;
  for (const auto& draw : draws)
    if (const double x = of(draw); std::isfinite(x)) sample.push_back(x);
  FittedValue value{central, nan, nan, nan};
  if (!std::isfinite(central) || sample.size() < 20 || sample.size() * 10 < draws.size() * 9) return value;
  value.se = standard_deviation(sample);
  value.low = quantile(sample, (1 - level) / 2);
  value.high = quantile(sample, (1 + level) / 2);
  return value;
}

}  // namespace

std::string approach_id(ApproachKind kind) {
  switch (kind) {
    case ApproachKind::Parabolas: return "approach-2";
    case ApproachKind::CorrectedParabolas: return "approach-2-corrected";
    case ApproachKind::Law: return "approach-3";
    case ApproachKind::CoupledLaw: return "approach-3-coupled";
  }
  return "";
}

std::string approach_label(ApproachKind kind) {
  switch (kind) {
    case ApproachKind::Parabolas: return "2: parabola at each budget";
    case ApproachKind::CorrectedParabolas: return "2: the same, parabola's bias removed";
    case ApproachKind::Law: return "3: L = E + A/N^alpha + B/D^beta";
    case ApproachKind::CoupledLaw: return "3: L = E + (A/N^alpha + B/D^beta)^k";
  }
  return "";
}

ApproachComparison compare_approaches(const RunTable& runs, const ApproachOptions& options) {
  ApproachComparison comparison;
  ApproachOptions fixed = options;
  // Budgets found from the runs stay the same in every resample.
  if (fixed.isoflop.budgets_flop.empty())
    fixed.isoflop.budgets_flop = crowded_budgets(runs, fixed.isoflop.tolerance, fixed.isoflop.least_points);
  if (fixed.isoflop.budgets_flop.empty()) fixed.isoflop.budgets_flop = {1.0};  // no run is near: a reason, not a search
  Pass pass = run_all(runs, fixed, options.threads);
  std::vector<Answers> draws(runs.size() > 0 ? options.replicates : 0);
  parallel_for(draws.size(), options.threads, [&](std::size_t i) {
    Random random(options.seed, i);
    std::vector<std::size_t> positions(runs.size());
    for (auto& position : positions) position = random.index(runs.size());
    draws[i] = run_all(runs.selected(positions), fixed, 1).answers;
  });

  const std::array<std::string, approach_count> reasons = {pass.isoflop.reason, pass.corrected.reason,
                                                           pass.law.usable() ? "" : pass.law.reason,
                                                           pass.coupled.usable() ? "" : pass.coupled.reason};
  for (std::size_t k = 0; k < approach_count; ++k) {
    ApproachResult result;
    result.kind = static_cast<ApproachKind>(k);
    result.reason = reasons[k];
    result.exponent_a =
        interval(pass.answers[k].exponent_a, draws, options.level, [&](const Answers& a) { return a[k].exponent_a; });
    for (const auto& draw : draws) result.replicates += std::isfinite(draw[k].exponent_a) ? 1 : 0;
    for (std::size_t b = 0; b < options.budgets_flop.size(); ++b) {
      const double budget = options.budgets_flop[b];
      result.params.push_back(interval(std::exp(pass.answers[k].log_params[b]), draws, options.level,
                                       [&](const Answers& a) { return std::exp(a[k].log_params[b]); }));
      result.tokens.push_back(interval(budget / 6 / std::exp(pass.answers[k].log_params[b]), draws, options.level,
                                       [&](const Answers& a) { return budget / 6 / std::exp(a[k].log_params[b]); }));
    }
    comparison.approaches.push_back(std::move(result));
  }
  for (std::size_t i = 0; i < approach_count; ++i)
    for (std::size_t j = i + 1; j < approach_count; ++j) {
      if (!reasons[i].empty() || !reasons[j].empty()) continue;
      ApproachDifference difference;
      difference.first = static_cast<ApproachKind>(i);
      difference.second = static_cast<ApproachKind>(j);
      difference.exponent_a = interval(pass.answers[i].exponent_a - pass.answers[j].exponent_a, draws, options.level,
                                       [&](const Answers& a) { return a[i].exponent_a - a[j].exponent_a; });
      for (std::size_t b = 0; b < options.budgets_flop.size(); ++b)
        difference.params_ratio.push_back(
            interval(std::exp(pass.answers[i].log_params[b] - pass.answers[j].log_params[b]), draws, options.level,
                     [&](const Answers& a) { return std::exp(a[i].log_params[b] - a[j].log_params[b]); }));
      comparison.differences.push_back(std::move(difference));
    }
  comparison.isoflop = std::move(pass.isoflop);
  comparison.law = std::move(pass.law);
  comparison.coupled = std::move(pass.coupled);
  return comparison;
}

}  // namespace isoflop::fits
