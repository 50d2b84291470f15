// `predict` with --params: the loss of a planned run by a loss law, or another quantity that a law of the catalogue
// gives.
#pragma once
#include "apps/losses/law_source.h"

namespace isoflop::app {

struct LossQuestion {
  std::optional<double> params, tokens;
  std::optional<double> observed;  ///< a loss to judge
  LawOptions law;

  /// Whether the command line asks for this rather than for a benchmark score.
  bool asked() const { return params || law.law != LawOptions{}.law || !law.given.empty() || !law.fit.empty(); }
};

Report predict_loss(const LossQuestion& question, const Settings& settings);

}  // namespace isoflop::app
