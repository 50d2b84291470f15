#include "isoflop/fits/score_regression.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "isoflop/error.h"
#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

constexpr std::size_t least_families = 5, most_folds = 200, least_rows = 8;
// Beyond this many rows, starts, links and resamples work on every k-th row, such that about `thin_rows` remain.
constexpr std::size_t many_rows = 20000, thin_rows = 5000, folds_of_many = 10;
constexpr double coverage_tolerance = 0.05;

/// The fitted rows, their families and the folds they are left out by.
struct Sample {
  std::vector<const ScoredModel*> models;
  std::vector<std::size_t> family;  ///< 0 .. families-1
  std::vector<std::size_t> fold;    ///< 0 .. folds-1
  std::size_t families = 0, folds = 0;
  bool by_family = true;
};

Sample make_sample(std::vector<const ScoredModel*> models, std::size_t folds_at_most) {
  Sample sample;
  sample.models = std::move(models);
  std::map<std::string, std::size_t> known;
  for (const ScoredModel* model : sample.models) {
    if (model->family.empty()) {
      sample.family.push_back(sample.families++);
    } else {
      const auto [entry, fresh] = known.try_emplace(model->family, sample.families);
      if (fresh) ++sample.families;
      sample.family.push_back(entry->second);
    }
  }
  if (sample.families < least_families) {
    std::iota(sample.family.begin(), sample.family.end(), std::size_t{0});
    sample.families = sample.models.size();
    sample.by_family = false;
  }
  if (known.empty()) sample.by_family = false;
  sample.folds = std::min(sample.families, folds_at_most);
  for (std::size_t family : sample.family) sample.fold.push_back(family % sample.folds);
  return sample;
}

ScoreRows rows_of(const Sample& sample, Predictor predictor, Link link) {
  ScoreRows rows;
  rows.features = features_in(link);
  for (const ScoredModel* model : sample.models) {
    for (double value : features_of(*model, predictor, link)) rows.x.push_back(value);
    rows.score.push_back(model->score);
  }
  return rows;
}

std::vector<double> fold_weights(const Sample& sample, std::size_t fold) {
  std::vector<double> weight(sample.models.size());
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = sample.fold[i] == fold ? 0 : 1;
  return weight;
}

/// Curves fitted without each fold in turn.
std::vector<ScoreCurve> left_out_curves(const Sample& sample, const ScoreRows& rows, const RobustLoss& loss,
                                        const ScoreCurve& start, int threads) {
  std::vector<ScoreCurve> curves(sample.folds);
  parallel_for(sample.folds, threads, [&](std::size_t fold) {
    curves[fold] = refit_curve(rows, fold_weights(sample, fold), loss, start).curve;
  });
  return curves;
}

std::vector<double> left_out_residuals(const Sample& sample, const ScoreRows& rows,
                                       const std::vector<ScoreCurve>& curves) {
  std::vector<double> residual(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    residual[i] = rows.score[i] - curves[sample.fold[i]].mean(rows.row(i));
  return residual;
}

double root_mean_square(std::span<const double> values) {
  double sum = 0;
  for (double v : values) sum += v * v;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

struct LinkFit {
  LinkTrial trial;
  CurveFit fit;
};

LinkFit try_link(const Sample& sample, const RegressionSettings& settings, Link link) {
  const ScoreRows rows = rows_of(sample, settings.predictor, link);
  const RobustLoss loss{settings.loss, settings.loss_scale};
  LinkFit result;
  result.fit = fit_curve(rows, shape_of(link, settings.bounds), loss);
  result.trial.link = link;
  result.trial.converged = result.fit.converged;
  result.trial.rmse_in_sample = root_mean_square(residuals(rows, result.fit.curve));
  const auto left_out = left_out_residuals(sample, rows, left_out_curves(sample, rows, loss, result.fit.curve, 1));
  result.trial.rmse = root_mean_square(left_out);
  for (double r : left_out) result.trial.mean_absolute_error += std::fabs(r) / static_cast<double>(left_out.size());
  if (settings.loss == LossKind::LeastSquares) {
    result.trial.rmse_least_squares = result.trial.rmse;
  } else {
    const auto plain = fit_curve(rows, shape_of(link, settings.bounds), RobustLoss{});
    result.trial.rmse_least_squares = root_mean_square(
        left_out_residuals(sample, rows, left_out_curves(sample, rows, RobustLoss{}, plain.curve, 1)));
  }
  return result;
}

std::vector<Link> possible_links(const Sample& sample, const RegressionSettings& settings) {
  const bool bounded = settings.bounds.floor && settings.bounds.ceiling;
  const auto all_have = [&](Link link) {
    return std::all_of(sample.models.begin(), sample.models.end(), [&](const ScoredModel* model) {
      return !features_of(*model, settings.predictor, link).empty();
    });
  };
  // Models that all saw the same tokens cannot tell what tokens do.
  const auto features_vary = [&](Link link) {
    const auto first = features_of(*sample.models[0], settings.predictor, link);
    std::vector<bool> varies(first.size(), false);
    for (const ScoredModel* model : sample.models) {
      const auto x = features_of(*model, settings.predictor, link);
      for (std::size_t j = 0; j < x.size(); ++j)
        varies[j] = varies[j] || std::fabs(x[j] - first[j]) > 1e-9 * (1 + std::fabs(first[j]));
    }
    return std::all_of(varies.begin(), varies.end(), [](bool v) { return v; });
  };
  std::vector<Link> links;
  for (std::size_t k = 0; k < link_names().size(); ++k) {
    const Link link = static_cast<Link>(k);
    if (settings.link == link) {
      if (features_in(link) > 1 && (settings.predictor != Predictor::Compute || !all_have(link)))
        throw Error(Fault::BadInput,
                    "link " + link_name(link) + " needs " +
                        (uses_date(link) ? "a release date" : "active parameters and training tokens") +
                        " of every model, and compute as x");
      links.push_back(link);
      continue;
    }
    if (settings.link && !settings.compare_links) continue;
    if (uses_date(link) || (is_logistic(link) && !bounded)) continue;
    if (uses_params_and_tokens(link) &&
        (settings.predictor != Predictor::Compute || !all_have(link) || !features_vary(link)))
      continue;
    if (sample.models.size() < parameters_of(link) + 3) continue;
    links.push_back(link);
  }
  return links;
}

/// Share of rows with |z| within the factor; a calibrated factor is taken from the rows of other folds.
double covered_share(const Sample& sample, const std::vector<double>& z, double level, std::optional<double> factor) {
  std::vector<double> factor_without(sample.folds, factor.value_or(0));
  if (!factor)
    for (std::size_t fold = 0; fold < sample.folds; ++fold) {
      std::vector<double> others;
      for (std::size_t i = 0; i < z.size(); ++i)
        if (sample.fold[i] != fold) others.push_back(std::fabs(z[i]));
      if (others.size() > 0) factor_without[fold] = conformal_quantile(std::move(others), level);
    }
  std::size_t inside = 0;
  for (std::size_t i = 0; i < z.size(); ++i) inside += std::fabs(z[i]) <= factor_without[sample.fold[i]] ? 1 : 0;
  return static_cast<double>(inside) / static_cast<double>(z.size());
}

/// Curves of `settings.bootstrap` resamples of families. Token counts given as a range are drawn anew each time,
/// log-uniformly.
std::vector<ScoreCurve> resample(const Sample& sample, const ScoreRows& rows, const RegressionSettings& settings,
                                 Link link, const ScoreCurve& fitted) {
  std::vector<std::size_t> ranged;
  for (std::size_t i = 0; i < sample.models.size(); ++i)
    if (sample.models[i]->tokens_low && sample.models[i]->tokens_high) ranged.push_back(i);
  std::vector<ScoreCurve> curves(static_cast<std::size_t>(settings.bootstrap));
  const RobustLoss loss{settings.loss, settings.loss_scale};
  parallel_for(curves.size(), settings.threads, [&](std::size_t b) {
    Random random(settings.seed, b);
    std::vector<double> count(sample.families, 0), weight(rows.size());
    for (std::size_t k = 0; k < sample.families; ++k) count[random.index(sample.families)] += 1;
    for (std::size_t i = 0; i < rows.size(); ++i) weight[i] = count[sample.family[i]];
    if (ranged.empty()) {
      curves[b] = refit_curve(rows, weight, loss, fitted).curve;
      return;
    }
    ScoreRows drawn = rows;
    for (std::size_t i : ranged) {
      const ScoredModel& model = *sample.models[i];
      const double tokens = *model.tokens_low * std::pow(*model.tokens_high / *model.tokens_low, random.uniform());
      const auto x = features_of(with_tokens(model, tokens), settings.predictor, link);
      std::copy(x.begin(), x.end(), drawn.x.begin() + static_cast<std::ptrdiff_t>(i * rows.features));
    }
    curves[b] = refit_curve(drawn, weight, loss, fitted).curve;
  });
  return curves;
}

Sample thinned(const Sample& sample) {
  const std::size_t stride = (sample.models.size() + thin_rows - 1) / thin_rows;
  std::vector<const ScoredModel*> kept;
  for (std::size_t i = 0; i < sample.models.size(); i += stride) kept.push_back(sample.models[i]);
  return make_sample(std::move(kept), folds_of_many);
}

/// A resample of m of n independent rows scatters sqrt(n/m) times too far: drawn back towards the fit.
void draw_back(std::vector<ScoreCurve>& curves, const ScoreCurve& centre, const ScoreCurve& target, double share) {
  for (ScoreCurve& curve : curves) {
    const double factor = std::sqrt(share);
    curve.intercept = target.intercept + factor * (curve.intercept - centre.intercept);
    for (std::size_t j = 0; j < curve.slope.size(); ++j)
      curve.slope[j] = target.slope[j] + factor * (curve.slope[j] - centre.slope[j]);
    curve.ceiling = target.ceiling + factor * (curve.ceiling - centre.ceiling);
  }
}

std::string scheme_text(const Sample& sample, bool many) {
  const std::string folds = std::to_string(sample.folds);
  std::string text;
  if (!sample.by_family)
    text = sample.folds == sample.models.size() ? "leave-one-model-out, " + folds + " models"
                                                : folds + "-fold over models";
  else if (sample.folds == sample.families)
    text = "leave-one-family-out, " + folds + " families";
  else
    text = folds + "-fold over " + std::to_string(sample.families) + " families";
  return many ? text + " (links compared on every k-th row)" : text;
}

}  // namespace

double conformal_quantile(std::vector<double> values, double level) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  const auto rank = static_cast<std::size_t>(std::ceil((n + 1) * level - 1e-9));
  return values[std::min(rank, values.size()) - 1];
}

double chosen_loss_scale(const std::vector<ScoredModel>& models, const RegressionSettings& settings) {
  const Link link = settings.bounds.floor && settings.bounds.ceiling ? Link::Logistic : Link::Linear;
  const std::size_t stride = 1 + models.size() / many_rows;
  ScoreRows rows;
  for (std::size_t i = 0; i < models.size(); i += stride) {
    const auto x = features_of(models[i], settings.predictor, link);
    if (!models[i].is_fitted() || x.empty()) continue;
    rows.x.push_back(x[0]);
    rows.score.push_back(models[i].score);
  }
  const auto fit = fit_curve(rows, shape_of(link, settings.bounds), RobustLoss{});
  return std::max(settings.least_loss_scale, root_mean_square(residuals(rows, fit.curve)) / 2);
}

ScoreRegression regress(const std::vector<ScoredModel>& models, const RegressionSettings& given) {
  RegressionSettings settings = given;
  std::vector<const ScoredModel*> fitted;
  for (const ScoredModel& model : models)
    if (model.is_fitted()) fitted.push_back(&model);
  if (fitted.size() < least_rows)
    throw Error(Fault::BadInput, "score regression: " + std::to_string(fitted.size()) +
                                     " models with score and x remain; expected at least " +
                                     std::to_string(least_rows));
  if (!(settings.loss_scale > 0)) settings.loss_scale = chosen_loss_scale(models, settings);
  const bool many = fitted.size() > many_rows;
  const Sample sample = make_sample(fitted, many ? folds_of_many : most_folds);
  const Sample small = many ? thinned(sample) : sample;

  ScoreRegression result;
  result.settings = settings;
  result.fitted = fitted.size();
  result.families = sample.families;
  result.scheme = scheme_text(sample, many);

  const auto links = possible_links(sample, settings);
  std::vector<LinkFit> fits(links.size());
  parallel_for(links.size(), settings.threads, [&](std::size_t k) { fits[k] = try_link(small, settings, links[k]); });
  for (const LinkFit& fit : fits) result.trials.push_back(fit.trial);
  const auto best = std::min_element(fits.begin(), fits.end(), [&](const LinkFit& a, const LinkFit& b) {
    if (settings.link) return (a.trial.link == *settings.link) > (b.trial.link == *settings.link);
    const bool a_passes = !settings.automatic_in_x || features_in(a.trial.link) == 1;
    const bool b_passes = !settings.automatic_in_x || features_in(b.trial.link) == 1;
    return a_passes != b_passes ? a_passes : a.trial.rmse < b.trial.rmse;
  });
  result.link = best->trial.link;
  result.best_link = std::min_element(fits.begin(), fits.end(), [](const LinkFit& a, const LinkFit& b) {
                       return a.trial.rmse < b.trial.rmse;
                     })->trial.link;
  result.link_was_chosen = !settings.link;

  const ScoreRows rows = rows_of(sample, settings.predictor, result.link);
  const RobustLoss loss{settings.loss, settings.loss_scale};
  result.fit = best->fit;
  if (many) {
    const CurveFit all = refit_curve(rows, loss, best->fit.curve);
    result.fit.curve = all.curve;
    result.fit.objective = all.objective;
    result.fit.converged = all.converged;
  }
  const auto in_sample = residuals(rows, result.fit.curve);
  result.rmse = root_mean_square(in_sample);
  const double centre = mean(rows.score);
  double total = 0, left = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    total += (rows.score[i] - centre) * (rows.score[i] - centre);
    left += in_sample[i] * in_sample[i];
  }
  result.r_squared = total > 0 ? 1 - left / total : 0;

  const auto curves = left_out_curves(sample, rows, loss, result.fit.curve, settings.threads);
  const auto left_out = left_out_residuals(sample, rows, curves);
  std::vector<double> position(rows.size()), z(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) position[i] = result.fit.curve.eta(rows.row(i));
  result.scale = LocalScale(position, left_out, sample.family, settings.least_scale);

  // Rows that are only judged: without their family where it has one in the fit, else by the full fit.
  std::map<std::string, std::size_t> fold_of_family;
  if (sample.by_family)
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (!fitted[i]->family.empty()) fold_of_family[fitted[i]->family] = sample.fold[i];
  std::size_t row = 0;
  for (const ScoredModel& model : models) {
    if (model.is_fitted()) {
      result.left_out_prediction.push_back(rows.score[row] - left_out[row]);
      result.left_out_scale.push_back(result.scale.for_row(row));
      z[row] = left_out[row] / result.left_out_scale.back();
      ++row;
      continue;
    }
    const auto x = features_of(model, settings.predictor, result.link);
    if (x.empty())
      throw Error(Fault::BadInput,
                  model.name + ": the link " + link_name(result.link) + " needs parameters and tokens");
    const auto fold = fold_of_family.find(model.family);
    const ScoreCurve& curve = fold == fold_of_family.end() ? result.fit.curve : curves[fold->second];
    result.left_out_prediction.push_back(curve.mean(x));
    result.left_out_scale.push_back(result.scale_at(x));
  }

  result.interval_factor = normal_quantile(0.5 + settings.level / 2);
  result.coverage = result.coverage_normal = covered_share(sample, z, settings.level, result.interval_factor);
  if (std::fabs(result.coverage_normal - settings.level) > coverage_tolerance) {
    std::vector<double> sizes;
    for (double value : z) sizes.push_back(std::fabs(value));
    // A factor of nothing, as when all models lie on the curve, would leave intervals without width.
    result.interval_factor =
        std::max(conformal_quantile(std::move(sizes), settings.level), 0.1 * result.interval_factor);
    result.interval_was_calibrated = true;
    result.coverage = covered_share(sample, z, settings.level, std::nullopt);
  }

  if (settings.bootstrap > 0) {
    if (!many) {
      result.resampled = resample(sample, rows, settings, result.link, result.fit.curve);
    } else {
      const ScoreRows few = rows_of(small, settings.predictor, result.link);
      const ScoreCurve few_fit = refit_curve(few, loss, result.fit.curve).curve;
      result.resampled = resample(small, few, settings, result.link, few_fit);
      const double share = static_cast<double>(small.families) / static_cast<double>(sample.families);
      draw_back(result.resampled, few_fit, result.fit.curve, share);
    }
  }
  return result;
}

std::vector<double> ScoreRegression::features(const ScoredModel& model) const {
  return features_of(model, settings.predictor, link);
}

}  // namespace isoflop::fits
