// How far a curve may be trusted beyond its data: fitted below a cut in x, judged above it.
#pragma once
#include <vector>

#include "isoflop/fits/score_regression.h"

namespace isoflop::fits {

struct ExtrapolationTest {  ///< How a curve fitted below the cut did above it.
  double cut = 0;                 ///< in the predictor itself, not its logarithm
  std::size_t fitted = 0, judged = 0;
  double rmse = 0, bias = 0;      ///< of the models above the cut; bias = prediction minus score
  double coverage = 0;            ///< share of them within the interval the fit below the cut would have given
};

/// Cuts at the 50 %, 65 % and 80 % quantile of x, with the regression's own link and loss. Empty where too few models
/// remain on either side (20 below, 5 above), or where x is not a single quantity of every model.
std::vector<ExtrapolationTest> test_extrapolation(const std::vector<ScoredModel>& models,
                                                  const ScoreRegression& regression);

}  // namespace isoflop::fits
