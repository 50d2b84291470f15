// What `outliers` and `predict --benchmark` share: from options to models, and from models to a fitted regression with
// its provenance.
#pragma once
#include <string>
#include <vector>

#include "apps/command.h"
#include "isoflop/fits/benchmark_bounds.h"
#include "isoflop/fits/catalogue_scores.h"
#include "isoflop/fits/extrapolation.h"
#include "isoflop/fits/score_regression.h"
#include "isoflop/fits/score_table.h"

namespace isoflop::app {

struct ScoreOptions {
  std::string file;                 ///< empty: the catalogue
  std::string benchmark = "mmlu", x = "compute", y, kind = "base-first", harness = "any", convention = "all";
  std::string compute = "6nd", since, until, link = "auto-x", loss = "cauchy";
  std::vector<std::string> families, exclude, openness, data_regimes, token_ranges, add, score_only;
  std::optional<double> floor, ceiling, loss_scale, score_noise;
  double level = 0.90;
  long bootstrap = 400;
  bool fit_inherited = false, fractions = false;

  /// Which models and which score.
  void declare_data(OptionSet& options);
  /// How the curve is fitted.
  void declare_fit(OptionSet& options);
};

struct ScoreStudy {
  fits::BenchmarkFacts facts;
  std::string x_name;               ///< as in JSON: "compute", "active-params", "gsm8k" ...
  std::string x_words;              ///< for sentences: "compute", "active parameters" ...
  std::string x_title;              ///< for axes and sentences, with unit
  double flop_per_param_token = 6;
  bool from_catalogue = true;
  std::vector<fits::ScoredModel> models;
  std::vector<std::string> ids;     ///< of the catalogue, empty for other rows; beside models
  std::vector<fits::LeftOut> left_out;
  fits::RegressionSettings settings;
  fits::ScoreRegression regression;
  std::vector<ReportInput> inputs;
  std::vector<Assumption> assumptions;
  std::vector<std::string> warnings;
  std::string source;               ///< one line for plots
};

/// Reads, selects and fits. Throws Error for what cannot be read, found or fitted.
ScoreStudy load_score_study(const ScoreOptions& options, const Settings& settings);

/// Coefficients by name in the link's own terms, with bootstrap intervals where there are resamples:
/// slopes, intercept, floor, ceiling, and the midpoint of a logistic in one feature.
Value coefficients(const ScoreStudy& study);

/// The cross-validation record of every link tried.
Value cross_validation(const ScoreStudy& study);
ReportTable link_table(const ScoreStudy& study);
ReportTable coefficient_table(const ScoreStudy& study);

/// Fits below a cut in x, judged above it; empty where there are too few models.
Value extrapolation(const std::vector<fits::ExtrapolationTest>& tests);
ReportTable extrapolation_table(const ScoreStudy& study, const std::vector<fits::ExtrapolationTest>& tests);

/// {"estimate","low","high"} with null for what is absent.
Value open_value(const std::optional<double>& estimate, const std::optional<double>& low,
                 const std::optional<double>& high);

}  // namespace isoflop::app
