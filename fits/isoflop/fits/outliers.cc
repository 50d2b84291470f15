#include "isoflop/fits/outliers.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>

#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Draws of the multiplier are another stream than those of the families.
constexpr std::uint64_t multiplier_stream = 0x6d756c7469ULL;
constexpr double named_rate = 0.10;
// Intervals of multipliers are drawn for this many models, the furthest from the curve.
constexpr std::size_t most_drawn = 5000;

/// log10 of the multiplier under one curve: infinite above the ceiling, minus infinite at the floor.
double log_multiplier(const ScoreCurve& curve, std::span<const double> x, double gain, double score) {
  if (!(gain > 0)) return score > curve.mean(x) ? infinity : -infinity;
  const auto eta = curve.eta_at(score);
  if (!eta) return score >= curve.ceiling ? infinity : -infinity;
  return (*eta - curve.eta(x)) / gain;
}

void set_multiplier(Judgement& judgement, const ScoredModel& model, const ScoreRegression& regression,
                    double score_noise, double largest_compute, std::uint64_t stream, bool draw) {
  const auto& settings = regression.settings;
  const double gain = gain_per_decade(regression.fit.curve, settings.predictor, regression.link);
  if (settings.predictor != Predictor::Compute || uses_date(regression.link) || gain == 0) {
    judgement.multiplier_status = "not compute";
    return;
  }
  const auto x = regression.features(model);
  const double central = log_multiplier(regression.fit.curve, x, gain, model.score);
  if (std::isfinite(central)) {
    judgement.compute_multiplier.estimate = std::pow(10, central);
    judgement.multiplier_status =
        *judgement.compute_multiplier.estimate * model.compute.value_or(0) > largest_compute ? "extrapolated" : "ok";
  } else {
    judgement.multiplier_status = central > 0 ? "above ceiling" : "at floor";
  }
  if (regression.resampled.empty() || !draw) {
    if (judgement.multiplier_status == "ok") judgement.multiplier_status = "no interval";
    return;
  }
  Random random(stream_seed(settings.seed, multiplier_stream), stream);
  std::vector<double> draws;
  for (const ScoreCurve& curve : regression.resampled) {
    const double score = model.score + score_noise * random.normal();
    std::vector<double> at = x;
    if (model.tokens_low && model.tokens_high) {
      const double tokens = *model.tokens_low * std::pow(*model.tokens_high / *model.tokens_low, random.uniform());
      at = regression.features(with_tokens(model, tokens));
    }
    draws.push_back(log_multiplier(curve, at, gain_per_decade(curve, settings.predictor, regression.link), score));
  }
  const OpenInterval interval = open_interval(std::move(draws), settings.level);
  auto& result = judgement.compute_multiplier;
  if (interval.low) result.low = std::pow(10, *interval.low);
  if (interval.high) result.high = std::pow(10, *interval.high);
  // The estimate belongs to the curve fitted to all models; its resamples may all lie to one side of it.
  if (result.estimate && result.low) result.low = std::min(*result.low, *result.estimate);
  if (result.estimate && result.high) result.high = std::max(*result.high, *result.estimate);
}

}  // namespace

double gain_per_decade(const ScoreCurve& curve, Predictor predictor, Link link) {
  if (predictor != Predictor::Compute) return 0;
  if (uses_params_and_tokens(link)) return (curve.slope[0] + curve.slope[1]) / 2;
  return curve.slope[0];
}

OpenInterval open_interval(std::vector<double> draws, double level) {
  if (draws.empty()) return {};
  std::sort(draws.begin(), draws.end());
  // Order statistics without interpolation, so that infinite draws stay what they are.
  const double last = static_cast<double>(draws.size() - 1);
  const double low = draws[static_cast<std::size_t>(std::floor(last * (1 - level) / 2 + 0.5))];
  const double high = draws[static_cast<std::size_t>(std::floor(last * (1 + level) / 2 + 0.5))];
  OpenInterval result;
  if (std::isfinite(low)) result.low = low;
  if (std::isfinite(high)) result.high = high;
  return result;
}

std::pair<double, double> interval_about(const ScoreRegression& regression, double predicted, double scale,
                                         double score_noise) {
  const double half = regression.interval_factor * scale;
  double low = predicted - half, high = predicted + half;
  if (const auto& bounds = regression.settings.bounds; bounds.floor) {
    low = std::min(predicted, std::max(low, *bounds.floor - regression.interval_factor * score_noise));
    high = std::max(predicted, std::min(high, bounds.most));
  }
  return {low, high};
}

OutlierReport judge(const std::vector<ScoredModel>& models, const ScoreRegression& regression, double score_noise) {
  OutlierReport report;
  report.judgements.resize(models.size());
  const auto& settings = regression.settings;
  const double stretch = normal_quantile(0.5 + settings.level / 2) / regression.interval_factor;
  const double freedom = std::max(1.0, static_cast<double>(regression.scale.neighbours()) - 1);
  double largest_compute = 0;
  for (const ScoredModel& model : models)
    if (model.is_fitted() && model.compute) largest_compute = std::max(largest_compute, *model.compute);

  parallel_for(models.size(), models.size() > 50 ? settings.threads : 1, [&](std::size_t i) {
    const ScoredModel& model = models[i];
    Judgement& j = report.judgements[i];
    j.predicted = regression.left_out_prediction[i];
    j.scale = regression.left_out_scale[i];
    std::tie(j.low, j.high) = interval_about(regression, j.predicted, j.scale, score_noise);
    j.residual = model.score - j.predicted;
    j.z = j.residual / j.scale;
    if (model.tokens_low && model.tokens_high && settings.predictor != Predictor::Other) {
      // Over an assumed range of tokens, the interval reaches from the least to the most the curve may say, and the
      // residual counts from the nearer end.
      const ScoreCurve& curve = regression.fit.curve;
      const auto middle = regression.features(model);
      const double shift = curve.mean(middle);
      const double few = curve.mean(regression.features(with_tokens(model, *model.tokens_low))) - shift;
      const double most = curve.mean(regression.features(with_tokens(model, *model.tokens_high))) - shift;
      j.low += std::min(few, most);
      j.high += std::max(few, most);
      const double nearest =
          std::clamp(model.score, j.predicted + std::min(few, most), j.predicted + std::max(few, most));
      j.z = (model.score - nearest) / j.scale;
    }
    j.is_outlier = model.score < j.low || model.score > j.high;
    j.p_value = 2 * student_t_cdf(-std::fabs(j.z) * stretch, freedom);
  });
  double least_z = 0;
  if (models.size() > most_drawn) {
    std::vector<double> sizes;
    for (const Judgement& j : report.judgements) sizes.push_back(std::fabs(j.z));
    std::nth_element(sizes.begin(), sizes.begin() + most_drawn, sizes.end(), std::greater<>());
    least_z = sizes[most_drawn];
  }
  parallel_for(models.size(), models.size() > 50 ? settings.threads : 1, [&](std::size_t i) {
    const bool draw = std::fabs(report.judgements[i].z) >= least_z || !models[i].is_fitted();
    set_multiplier(report.judgements[i], models[i], regression, score_noise, largest_compute, i, draw);
  });

  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < models.size(); ++i)
    if (models[i].is_fitted()) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return report.judgements[a].p_value < report.judgements[b].p_value;
  });
  report.judged = order.size();
  report.expected_by_chance = (1 - settings.level) * static_cast<double>(order.size());
  double rate = 1;
  for (std::size_t rank = order.size(); rank-- > 0;) {
    Judgement& j = report.judgements[order[rank]];
    rate = std::min(rate, j.p_value * static_cast<double>(order.size()) / static_cast<double>(rank + 1));
    j.false_discovery = rate;
    if (rate <= named_rate) ++report.discoveries;
    if (std::fabs(j.z) > 3) ++report.beyond_three;
    if (j.is_outlier) ++(j.z > 0 ? report.above : report.below);
  }
  // Models that only are judged face one test each.
  for (std::size_t i = 0; i < models.size(); ++i)
    if (!models[i].is_fitted()) report.judgements[i].false_discovery = report.judgements[i].p_value;
  return report;
}

}  // namespace isoflop::fits
