// One score per catalogue model, chosen among the published ones by rules a reader can check.
//
// Kind first: `base-first` takes base scores and falls back on unspecified, base+sft and instruct ones, in that order,
// only where a model has nothing better. Then the harness: `any` prefers the value of the one harness that measured
// most models alike (ObsScaling) and falls back on the best report; `uniform` accepts nothing else; `reported` prefers
// reports. The best report is the one the catalogue marks, else a verified one; among equals the lower median.
// Undisclosed numbers are not guessed: such models are left out and listed, unless a token range is given for them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/benchmarks.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/fits/score_link.h"

namespace isoflop::fits {

enum class KindFilter { BaseFirst, Base, Instruct, Any };  ///< Which variants of a model count.
enum class HarnessFilter { Any, Uniform, Reported };  ///< Whose measurements count.
enum class Convention { All, WithoutInputEmbedding, NonEmbedding };  ///< Which active parameters are counted.

/// Tokens assumed for a model that does not disclose them.
struct TokenRange {
  std::string model;
  double low = 0, high = 0;
};

struct ScoreSelection {  ///< Which models and scores enter, and what stands on the axis.
  std::string benchmark = "mmlu";
  Predictor predictor = Predictor::Compute;
  std::string x_benchmark;            ///< with Predictor::Other
  KindFilter kind = KindFilter::BaseFirst;
  HarnessFilter harness = HarnessFilter::Any;
  Convention convention = Convention::All;
  double flop_per_param_token = 6;    ///< 1 for the plain product N x D
  std::vector<std::string> families, exclude, openness, data_regimes;  ///< empty = all; exclude: models or families
  std::optional<double> since, until; ///< decimal years of release, inclusive
  std::vector<TokenRange> token_ranges;
  bool fit_inherited = false;         ///< let models whose parent's compute is not counted shape the curve
};

struct LeftOut {  ///< Models that could not be used, for one reason.
  std::string reason;
  std::vector<std::string> models;
};

struct SelectedScores {  ///< What a selection found, and what it had to leave out.
  std::vector<ScoredModel> models;
  std::vector<std::string> ids;       ///< of the catalogue, beside models
  std::vector<LeftOut> left_out;      ///< models with a score that could not be used, by reason
  std::size_t without_score = 0;
  std::string rating_date;            ///< of ratings used as score or x; the date with most models
};

/// Throws Error (Usage) for an unknown benchmark, model, family or date.
SelectedScores select_scores(const ModelCatalogue& models, const ScoreTable& scores, const ScoreSelection& selection);

/// The score chosen for one model by the rules above; nothing when none passes. Ratings count only at `rating_date`.
const ScoreRecord* choose_score(const ScoreTable& scores, const std::string& model_id, const std::string& benchmark,
                                KindFilter kind, HarnessFilter harness, const std::string& rating_date);

/// Active parameters by convention; nothing when the dimensions that decide it are unknown.
std::optional<double> active_params(const ModelRecord& model, Convention convention);

}  // namespace isoflop::fits
