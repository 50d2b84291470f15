// A model with one benchmark score: what every score regression, outlier test and prediction is about.
#pragma once
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace isoflop::fits {

/// Unknown numbers are absent. Counts are plain (7e9, 1.5e13), the score in the benchmark's unit.
struct ScoredModel {
  std::string name;
  std::string family;   ///< empty: a family of its own
  std::string kind;     ///< "base", "instruct", "unspecified" ...: of the model that was scored
  std::string score_source;
  std::optional<double> active_params;  ///< parameters used per token, in the chosen counting convention
  std::optional<double> total_params;
  std::optional<double> tokens;         ///< training tokens seen; the geometric middle of an assumed range
  std::optional<double> tokens_low, tokens_high;  ///< set where the count is an assumed range
  std::optional<double> release_year;   ///< decimal year: 2024.31 is late April 2024
  std::optional<double> compute;        ///< training compute in FLOP, or N x D where the factor is left out
  std::optional<double> other;          ///< another benchmark's value, when that is x
  double score = 0;
  /// Not empty: the row is judged but does not shape the curve, and why.
  std::string not_fitted;

  bool is_fitted() const { return not_fitted.empty(); }
};

/// Decimal year of an ISO date "2024-04-23", also "2024-04" and "2024" (their middle). Empty when it is none.
std::optional<double> decimal_year(const std::string& iso_date);
/// Inverse of decimal_year, to the day.
std::string iso_date(double year);

}  // namespace isoflop::fits
