// How much of the scatter about the curve belongs to families: models of one maker share data and recipe.
//
//   linear predictor of model i in family f = curve(x_i) + u_f,   u_f ~ Normal(0, sd^2)
//
// The effects live in the linear predictor, so they fade where the curve is flat: a family at chance tells nothing.
// Curve and effects are fitted in turn with Huber's loss at 1.345 robust scales of what is left, because a loss that
// forgives whole families would leave nothing to explain; sd by the expectation-maximisation step of the Laplace
// approximation (Tierney & Kadane 1986, doi:10.1080/01621459.1986.10478240). With `fixed` effects the prior is so wide
// (fixed_effect_sd) that it only holds families which the data do not place. Divided by the slope, an effect is a
// factor of effective compute: the family scores like the typical one with that many times its compute.
#pragma once
#include <string>
#include <vector>

#include "isoflop/fits/score_regression.h"

namespace isoflop::fits {

struct FamilyEffect {  ///< Effect of one family on the linear predictor.
  std::string family;
  std::size_t models = 0;
  double effect = 0;  ///< u_f
  double se = 0;      ///< posterior standard deviation of u_f
};

struct FamilyEffects {
  bool fixed = false;
  ScoreCurve curve;              ///< of the typical family
  double sd = 0;                 ///< of u_f
  double residual_scale = 0;     ///< robust, of what is left, in points
  double intraclass = 0;         ///< share of the variance of the plain residuals that lies between families (ANOVA)
  std::vector<FamilyEffect> families;  ///< largest effect first
  bool converged = false;
};

inline constexpr double fixed_effect_sd = 10;

/// Throws Error (BadInput) when fewer than two families have models.
FamilyEffects fit_family_effects(const std::vector<ScoredModel>& models, const ScoreRegression& regression, bool fixed);

/// One-way analysis of variance of `values` over `group`, unbalanced: sd_between^2 / (sd_between^2 + sd_within^2),
/// 0 where the estimate is negative (Donner 1986, doi:10.2307/1403259).
double intraclass_correlation(std::span<const double> values, std::span<const std::size_t> group, std::size_t groups);

}  // namespace isoflop::fits
