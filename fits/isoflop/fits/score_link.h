// The curves a score may follow, by name, and what each needs to know of a model.
//
//   linear             score = b0 + b1 x
//   logistic           floor + (ceiling - floor) / (1 + exp(-(b0 + b1 x))), ceiling given
//   logistic-free      the same with the ceiling fitted
//   linear-nd, logistic-nd, logistic-nd-free   the same in log10 N and log10 D, training tokens and active parameters
//                      each with its own slope
//   linear-date, logistic-date, logistic-date-free   in log10 compute and the release date in years: how the typical
//                      score at a given compute moves with time
//
// x is log10 of compute, of parameters or of tokens, the release date in years, or another benchmark's value.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoflop/fits/score_curve.h"
#include "isoflop/fits/scored_model.h"

namespace isoflop::fits {

enum class Predictor { Compute, ActiveParams, TotalParams, Tokens, ReleaseDate, Other };  ///< What stands on the axis.

/// The curves above, by name.
enum class Link { Linear, Logistic, LogisticFreeCeiling, LinearParamsTokens, LogisticParamsTokens,
                  LogisticParamsTokensFreeCeiling, LinearDate, LogisticDate, LogisticDateFreeCeiling };

std::string link_name(Link link);  ///< As on the command line: "logistic-nd".
std::optional<Link> find_link(std::string_view name);  ///< Nothing for other words.
std::vector<std::string> link_names();  ///< In the order of `--help`.
/// A sentence for people: "logistic in log10 N and log10 D, fitted ceiling".
std::string link_description(Link link);
bool uses_params_and_tokens(Link link);
bool uses_date(Link link);
std::size_t features_in(Link link);
std::size_t parameters_of(Link link);
bool is_logistic(Link link);
bool has_free_ceiling(Link link);

/// Bounds of the score; without both, scores have linear links only.
struct ScoreBounds {
  std::optional<double> floor, ceiling;
  double most = 100;  ///< where a free ceiling ends
};

CurveShape shape_of(Link link, const ScoreBounds& bounds);  ///< Bounds, and whether the ceiling is fitted, of a link.

/// {log10 N, log10 D} or {log10 compute, year} for the links in two, else the one predictor. Empty when unknown or not
/// positive where a logarithm is taken.
std::vector<double> features_of(const ScoredModel& model, Predictor predictor, Link link);

/// Whether the model has what the predictor needs.
bool usable(const ScoredModel& model, Predictor predictor);

/// The same model trained on `tokens`: compute follows in proportion.
ScoredModel with_tokens(ScoredModel model, double tokens);

}  // namespace isoflop::fits
