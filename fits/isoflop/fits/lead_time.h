// Are outliers hints? How long until typical new releases reach, at the same compute, the score of a model.
//
//   score = floor + (ceiling - floor) / (1 + exp(-(b0 + k log10 C + g t))),  t the release date in years
//   lead of a model released at t0 with score s:  (eta(s) - b0 - k log10 C) / g - t0
//
// Curve, resamples and cross-validation are those of score_regression.h with a date link. A lead is only worth as much
// as the date term is: `hindcast` stands at past dates, fits what was known then, and compares predictions for the
// following twelve months with and without the term, and leads told then with leads told now.
// The term describes releases as they came, not a law of progress: it mixes better data with larger token counts,
// distillation and whatever else changed.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/fits/outliers.h"

namespace isoflop::fits {

struct LeadTime {
  OpenInterval months;
  std::string status;  ///< "reached", "not yet", "open", "above ceiling", "at floor", "no date"
  /// Months until the median of five consecutive later releases of other families within a factor of two of its compute
  /// was as high; absent where that has not happened.
  std::optional<double> observed_months;
  std::size_t later_models = 0;  ///< releases after it within that factor of compute
};

/// One past date at which we pretend to stand.
struct HindcastDate {
  double year = 0;
  std::size_t known = 0, judged = 0;  ///< models released before, and in the twelve months after
  double rmse_with_date = 0, rmse_without = 0, bias_with_date = 0, bias_without = 0;
  double factor_per_year = 0;         ///< gain known then, as a factor of compute a year
};

struct Hindcast {  ///< Leads and predictions as they would have been told at past dates.
  std::vector<HindcastDate> dates;
  double rmse_with_date = 0, rmse_without = 0;  ///< over all predictions
  double skill = 0;                   ///< 1 - squared error with the date term / without it
  std::size_t predictions = 0;
  std::size_t leads = 0;              ///< leads of outliers told at past dates that can be told again now
  std::optional<double> lead_median_error_months;  ///< absolute difference between then and now
  std::optional<double> lead_bias_months;          ///< then minus now, median
};

struct LeadTimeStudy {  ///< Leads of all models, with what speaks for believing them.
  bool possible = false;
  std::string reason;                 ///< why not, or how much to believe, in a sentence
  std::string verdict;                ///< "supported", "weak", "not supported", "not possible"
  ScoreRegression regression;         ///< with the date link
  OpenInterval decades_per_year;      ///< gain of typical releases, in decades of compute
  std::vector<LeadTime> leads;        ///< one per model
  Hindcast hindcast;
  double last_release = 0;
};

/// Models without a release date are judged "no date" and do not enter. `settings.predictor` must be Compute.
LeadTimeStudy study_lead_time(const std::vector<ScoredModel>& models, const RegressionSettings& settings,
                              double score_noise);

}  // namespace isoflop::fits
