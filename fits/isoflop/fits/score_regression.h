// Regression of a benchmark score on what went into a model, with the statistics needed to trust it.
//
// The links are curves of one or two features (score_curve.h); they are compared by leaving out one family at a time,
// and `automatic` takes the one with the smallest root mean squared error of the left-out models. Where the models
// name fewer than five families, single models are left out instead; beyond 200 families, whole families are pooled
// into 200 folds. Everything said about a model (prediction, residual, interval) comes from the curve and the scale
// that were fitted without its family.
//
// Interval of a model: prediction -/+ factor x local scale. The factor is the normal quantile of the level, unless
// fewer than level - 0.05 or more than level + 0.05 of the left-out models fall inside; then it is the level-quantile
// of the left-out |residual| / scale (split-conformal by family; Lei et al. 2018, doi:10.1080/01621459.2017.1307116).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/fits/local_scale.h"
#include "isoflop/fits/robust_loss.h"
#include "isoflop/fits/score_curve.h"
#include "isoflop/fits/score_link.h"
#include "isoflop/fits/scored_model.h"

namespace isoflop::fits {

struct RegressionSettings {  ///< What is fitted, and how links are compared.
  Predictor predictor = Predictor::Compute;
  std::optional<Link> link;   ///< absent: automatic, among the links without a date
  bool automatic_in_x = false;  ///< automatic only among the curves in x alone
  bool compare_links = true;  ///< false: try only the link asked for
  ScoreBounds bounds;
  LossKind loss = LossKind::Cauchy;
  double loss_scale = 0;      ///< in the unit of the score; 0 = chosen from the data, see chosen_loss_scale()
  double least_loss_scale = 5;
  double least_scale = 0.5;   ///< of the local scale, in the unit of the score
  double level = 0.90;
  int bootstrap = 0;          ///< resamples of families; 0 = none
  std::uint64_t seed = 42;
  int threads = 0;
};

/// One link's record in cross-validation.
struct LinkTrial {
  Link link{};
  double rmse_in_sample = 0;
  double rmse = 0;                ///< of left-out models
  double mean_absolute_error = 0; ///< of left-out models
  double rmse_least_squares = 0;  ///< of left-out models, had the curve been fitted by least squares
  bool converged = false;
};

struct ScoreRegression {
  RegressionSettings settings;
  Link link{};
  bool link_was_chosen = false;
  Link best_link{};               ///< smallest left-out error of all tried
  std::string scheme;             ///< "leave-one-family-out, 62 families"
  std::vector<LinkTrial> trials;  ///< every link the data allow
  CurveFit fit;
  std::size_t fitted = 0;         ///< rows that shape the curve
  std::size_t families = 0;
  double rmse = 0, r_squared = 0; ///< in sample
  double interval_factor = 0;     ///< half-width of the interval in local scales
  bool interval_was_calibrated = false;
  double coverage_normal = 0;     ///< share of left-out models within the normal interval
  double coverage = 0;            ///< within the interval used; a calibrated factor then comes from other families

  std::vector<double> left_out_prediction, left_out_scale;  ///< per row of the models given, also those not fitted
  LocalScale scale;               ///< of the left-out residuals, along the linear predictor
  std::vector<ScoreCurve> resampled;  ///< the curve of each bootstrap resample

  /// Features of a model under a link; empty when something is unknown.
  std::vector<double> features(const ScoredModel& model) const;
  double scale_at(std::span<const double> features) const { return scale.at(fit.curve.eta(features)); }
};

/// Models whose features are unknown must have been left out before (see usable()).
/// Throws Error (BadInput) when fewer than 8 fitted models remain or the predictor is constant.
ScoreRegression regress(const std::vector<ScoredModel>& models, const RegressionSettings& settings);

/// Half the root mean square residual of the least-squares curve in x, and at least `least_loss_scale`: a loss
/// that bends well inside the scatter would settle on one cluster of models and call the rest outliers.
double chosen_loss_scale(const std::vector<ScoredModel>& models, const RegressionSettings& settings);

/// The smallest of the values below which a further one falls with at least that probability, if it comes from the
/// same population: rank ceil((n + 1) level), or the largest value.
double conformal_quantile(std::vector<double> values, double level);

}  // namespace isoflop::fits
