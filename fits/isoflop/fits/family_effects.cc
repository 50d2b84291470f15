#include "isoflop/fits/family_effects.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "isoflop/error.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

constexpr int most_rounds = 200;
constexpr double settled = 1e-6;

/// d mean / d eta.
double slope_at(const ScoreCurve& curve, double eta) {
  if (!curve.shape.logistic) return 1;
  const double share = (curve.mean_at(eta) - curve.shape.floor) / (curve.ceiling - curve.shape.floor);
  return (curve.ceiling - curve.shape.floor) * share * (1 - share);
}

struct Members {
  std::vector<std::size_t> rows;
};

/// The effect that makes a family's penalised loss least, from its present value by damped Newton steps, and its
/// posterior precision.
std::pair<double, double> best_effect(const ScoreRows& rows, const Members& family, const ScoreCurve& curve,
                                      const RobustLoss& loss, double residual_variance, double effect_variance,
                                      double effect) {
  const auto cost = [&](double u) {
    double sum = u * u / effect_variance;
    for (std::size_t i : family.rows)
      sum += loss.value(rows.score[i] - curve.mean_at(curve.eta(rows.row(i)) + u)) / residual_variance;
    return sum;
  };
  double precision = 1 / effect_variance;
  for (int step = 0; step < 30; ++step) {
    double downhill = -effect / effect_variance;
    precision = 1 / effect_variance;
    for (std::size_t i : family.rows) {
      const double eta = curve.eta(rows.row(i)) + effect, slope = slope_at(curve, eta);
      const double r = rows.score[i] - curve.mean_at(eta), w = loss.weight(r) / residual_variance;
      downhill += w * r * slope;
      precision += w * slope * slope;
    }
    double move = downhill / precision;
    const double before = cost(effect);
    while (std::fabs(move) > 1e-9 && cost(effect + move) > before) move /= 2;
    effect += move;
    if (std::fabs(move) < 1e-8) break;
  }
  return {effect, precision};
}

}  // namespace

double intraclass_correlation(std::span<const double> values, std::span<const std::size_t> group, std::size_t groups) {
  std::vector<double> sum(groups, 0), count(groups, 0);
  for (std::size_t i = 0; i < values.size(); ++i) sum[group[i]] += values[i], count[group[i]] += 1;
  const double n = static_cast<double>(values.size()), centre = mean(values);
  double between = 0, within = 0, squares = 0, used = 0;
  for (std::size_t g = 0; g < groups; ++g) {
    if (count[g] == 0) continue;
    used += 1;
    squares += count[g] * count[g];
    between += count[g] * (sum[g] / count[g] - centre) * (sum[g] / count[g] - centre);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double d = values[i] - sum[group[i]] / count[group[i]];
    within += d * d;
  }
  if (used < 2 || n <= used) return 0;
  between /= used - 1;
  within /= n - used;
  const double typical = (n - squares / n) / (used - 1);
  const double variance = (between - within) / typical;
  return variance > 0 ? variance / (variance + within) : 0;
}

FamilyEffects fit_family_effects(const std::vector<ScoredModel>& models, const ScoreRegression& regression,
                                 bool fixed) {
  ScoreRows rows;
  rows.features = features_in(regression.link);
  std::map<std::string, std::size_t> known;
  std::vector<std::size_t> family_of;
  std::vector<Members> families;
  FamilyEffects result;
  result.fixed = fixed;
  for (const ScoredModel& model : models) {
    if (!model.is_fitted()) continue;
    const std::string name = model.family.empty() ? model.name : model.family;
    const auto [entry, fresh] = known.try_emplace(name, families.size());
    if (fresh) {
      families.emplace_back();
      result.families.push_back({name, 0, 0, 0});
    }
    family_of.push_back(entry->second);
    families[entry->second].rows.push_back(rows.size());
    ++result.families[entry->second].models;
    for (double value : regression.features(model)) rows.x.push_back(value);
    rows.score.push_back(model.score);
  }
  if (families.size() < 2) throw Error(Fault::BadInput, "family effects need at least two families");
  result.curve = regression.fit.curve;
  result.intraclass = intraclass_correlation(residuals(rows, result.curve), family_of, families.size());
  result.sd = fixed ? fixed_effect_sd : (result.curve.shape.logistic ? 1.0 : std::max(regression.rmse, 1e-9));
  rows.offset.assign(rows.size(), 0);
  std::vector<double> precision(families.size(), 0);
  for (int round = 0; round < most_rounds && !result.converged; ++round) {
    const auto left = residuals(rows, result.curve);
    result.residual_scale = std::max(huber_scale(left), 1e-6);
    const double residual_variance = result.residual_scale * result.residual_scale;
    const RobustLoss loss{LossKind::Huber, tuned_scale(LossKind::Huber, result.residual_scale)};
    double square = 0;
    for (std::size_t f = 0; f < families.size(); ++f) {
      const auto [effect, held] = best_effect(rows, families[f], result.curve, loss, residual_variance,
                                              result.sd * result.sd, result.families[f].effect);
      result.families[f].effect = effect;
      precision[f] = held;
      square += effect * effect + 1 / held;
      for (std::size_t i : families[f].rows) rows.offset[i] = effect;
    }
    const double before = result.sd;
    if (!fixed) result.sd = std::sqrt(square / static_cast<double>(families.size()));
    const ScoreCurve old = result.curve;
    result.curve = refit_curve(rows, loss, result.curve).curve;
    double moved = std::fabs(result.sd - before);
    for (std::size_t i = 0; i < rows.size(); i += 1 + rows.size() / 50)
      moved = std::max(moved, std::fabs(result.curve.mean(rows.row(i)) - old.mean(rows.row(i))) / 100);
    result.converged = moved < settled * 100;
  }
  for (std::size_t f = 0; f < families.size(); ++f) result.families[f].se = 1 / std::sqrt(precision[f]);
  std::stable_sort(result.families.begin(), result.families.end(),
                   [](const FamilyEffect& a, const FamilyEffect& b) { return a.effect > b.effect; });
  return result;
}

}  // namespace isoflop::fits
