// Which models leave the curve, by how much, and how much more compute the typical model would need for their score.
//
// z = (score - prediction) / local scale, both without the model's own family. A model is an outlier when its score
// lies outside its interval (score_regression.h). At level 0.90 one model in ten does so by chance alone, so the
// number expected is reported beside the number found, and each model carries its two-sided p-value (Student t with one
// degree of freedom less than the scale has neighbours) and the false discovery rate at which it would be named
// (Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x).
//
// The compute multiplier moves the model along its own ratio of tokens to parameters until the fitted curve reaches
// its score. Its interval comes from the resampled curves, with the measurement error of the score drawn anew each
// time (for the 5000 models furthest from the curve). An end is absent where the curve never gets there: above the
// ceiling there is no upper end, at guessing no lower one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "isoflop/fits/score_regression.h"

namespace isoflop::fits {

/// An interval whose ends and middle may be unknown or unbounded.
struct OpenInterval {
  std::optional<double> estimate, low, high;
};

struct Judgement {  ///< What is said about one model, predicted without its family.
  double predicted = 0;
  double low = 0, high = 0;      ///< interval for the score of a further model like this one
  double scale = 0;              ///< local
  double residual = 0, z = 0;
  double p_value = 1;            ///< two-sided, of z drawn in by the interval's factor
  double false_discovery = 1;    ///< smallest rate at which the model would be named
  bool is_outlier = false;
  OpenInterval compute_multiplier;
  std::string multiplier_status;  ///< "ok", "extrapolated", "above ceiling", "at floor", "no interval", "not compute"
};

struct OutlierReport {  ///< All models, and how many would stand out by chance.
  std::vector<Judgement> judgements;  ///< one per model given
  std::size_t judged = 0;             ///< fitted models
  std::size_t above = 0, below = 0;   ///< outliers among them
  double expected_by_chance = 0;      ///< judged x (1 - level)
  std::size_t discoveries = 0;        ///< fitted models named at a false discovery rate of 10 %
  std::size_t beyond_three = 0;       ///< fitted models with |z| > 3; normal errors give 0.27 % of them
};

/// Interval about a prediction: -/+ factor x scale, but not further below the floor than a measurement error goes,
/// because nothing scores worse than guessing, and not beyond the scale of the score.
std::pair<double, double> interval_about(const ScoreRegression& regression, double predicted, double scale,
                                         double score_noise);

/// `score_noise`: standard deviation of a score's measurement, in its unit.
OutlierReport judge(const std::vector<ScoredModel>& models, const ScoreRegression& regression, double score_noise);

/// Linear predictor gained per decade of compute at a fixed ratio of tokens to parameters; 0 where compute is not x.
double gain_per_decade(const ScoreCurve& curve, Predictor predictor, Link link);

/// Quantiles (1 - level)/2 and (1 + level)/2 of draws that may be infinite; an infinite end is absent.
OpenInterval open_interval(std::vector<double> draws, double level);

}  // namespace isoflop::fits
