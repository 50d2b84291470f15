// A benchmark score as a curve of a few features, fitted with a robust loss.
//
//   eta  = intercept + slope_1 x_1 + ... + slope_p x_p
//   mean = eta                                               (linear)
//   mean = floor + (ceiling - floor) / (1 + exp(-eta))       (logistic; ceiling given or fitted)
//
// The features are what the caller makes of a model: log10 compute; log10 N and log10 D; a release date in years.
// The floor is the score of guessing, the ceiling that of a perfect solver of a test with errors in its key; both
// are in the unit of the score. Rows are independent given the curve; families are dealt with outside
// (bootstrap and cross-validation by family).
// Fitted by damped Gauss-Newton on the reweighted residuals from several starts, the best objective winning.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "isoflop/fits/robust_loss.h"

namespace isoflop::fits {

inline constexpr std::size_t most_features = 4;

/// Rows to fit: features row-major (rows x features); weights empty = 1 each, 0 leaves a row out; offsets are added to
/// the linear predictor, empty = none.
struct ScoreRows {
  std::size_t features = 1;
  std::vector<double> x;
  std::vector<double> score;
  std::vector<double> weight;
  std::vector<double> offset;

  std::size_t size() const { return score.size(); }
  /// Features of observation i.
  std::span<const double> row(std::size_t i) const { return {x.data() + i * features, features}; }
  double weight_of(std::size_t i) const { return weight.empty() ? 1 : weight[i]; }  ///< 1 where no weights are given.
};

struct CurveShape {  ///< Bounds of the curve, and what is fitted of them.
  bool logistic = true;
  double floor = 0;            ///< of the logistic
  double ceiling = 100;        ///< of the logistic; its upper bound when free
  bool ceiling_is_free = false;
};

struct ScoreCurve {
  CurveShape shape;
  double intercept = 0;
  std::vector<double> slope;  ///< one per feature
  double ceiling = 100;       ///< fitted, or shape.ceiling

  double eta(std::span<const double> x) const;  ///< The linear predictor at these features.
  /// Expected score at these features, in the unit of the scores.
  double mean(std::span<const double> x) const { return mean_at(eta(x)); }
  double mean_at(double eta) const;  ///< Expected score where the linear predictor is `eta`.
  /// The eta at which the curve reaches `score`; nothing at or beyond the floor or the ceiling.
  std::optional<double> eta_at(double score) const;
};

struct CurveFit {  ///< A fitted curve, and whether the search can be relied on.
  ScoreCurve curve;
  double objective = 0;      ///< sum of weight x loss
  bool converged = false;
  bool ceiling_at_bound = false;  ///< the data do not hold the free ceiling below its upper bound
  int starts = 0, agreeing = 0;   ///< starts polished, and those within 1e-6 of the best objective (relative)
};

/// Throws Error (BadInput) when there are fewer rows of positive weight than parameters, or a feature is constant.
CurveFit fit_curve(const ScoreRows& rows, const CurveShape& shape, const RobustLoss& loss);

/// One descent from `start`, for resamples whose optimum is near. Falls back on fit_curve when it fails to converge.
CurveFit refit_curve(const ScoreRows& rows, const RobustLoss& loss, const ScoreCurve& start);

/// The same with the weights given apart from the rows, so that resamples need not copy them.
CurveFit refit_curve(const ScoreRows& rows, std::span<const double> weight, const RobustLoss& loss,
                     const ScoreCurve& start);

/// Score minus curve (with the row's offset), row by row.
std::vector<double> residuals(const ScoreRows& rows, const ScoreCurve& curve);

}  // namespace isoflop::fits
