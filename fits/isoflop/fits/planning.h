// What to train: size and tokens of least loss for a budget, of least cost for a loss, and what any other choice costs.
// Works on any law L(N, D). Training costs 6 s N D FLOP and serving 2 s N per token, s being the share of the
// parameters that a token uses (1 for dense models); attention to the context is left out, as in Hoffmann et al. 2022
// and Sardana et al. 2023 (arXiv:2401.00448), from whom the lifetime cost is taken.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/fits/chinchilla_law.h"
#include "isoflop/fits/loss_law.h"

namespace isoflop::fits {

/// A loss law with everything but size and tokens fixed.
struct LossSurface {
  std::function<double(double params, double tokens)> loss;
  double active_share = 1;
  /// Set where the loss is that of this law: the optimum of a budget then needs no search.
  std::optional<ChinchillaLaw> closed_form = std::nullopt;

  double training_flop(double params, double tokens) const { return 6 * active_share * params * tokens; }  ///< 6 s N D.
};

LossSurface surface_of(const ChinchillaLaw& law);  ///< A fitted law as a surface, dense models.
/// `given` holds the inputs besides N and D by name or column ("sparsity"). Throws Error (Usage) when the law has no N
/// or no D, lacks an input that is given, or needs one that is not.
LossSurface surface_of(const LossLaw& law, const std::vector<double>& parameters,
                       const std::map<std::string, double>& given);

/// Tokens to be served over the model's life, and the price of a FLOP of serving relative to one of training.
struct Serving {
  double tokens = 0;
  double price = 1;
};

struct Allocation {  ///< A choice of size and tokens with what it costs; FLOP of the whole life.
  double params = 0, tokens = 0, loss = 0;
  double training_flop = 0, serving_flop = 0;
  /// False when the search ended on its edge: the law then has no optimum there.
  bool interior = true;
};

/// What one choice costs.
Allocation allocation_at(const LossSurface& surface, double params, double tokens, const Serving& serving = {});

/// Least loss with training + price * serving FLOP equal to the budget.
Allocation best_for_budget(const LossSurface& surface, double budget_flop, const Serving& serving = {});

/// Least training + price * serving FLOP that reaches the loss; nothing when the law never gets there.
std::optional<Allocation> cheapest_for_loss(const LossSurface& surface, double loss, const Serving& serving = {});

/// Tokens for which this size is the one of least loss at its training budget; nothing when there are none.
std::optional<double> optimal_tokens(const LossSurface& surface, double params);

/// Fewest tokens with which this size reaches the loss; nothing when none suffice.
std::optional<double> tokens_for_loss(const LossSurface& surface, double params, double loss);

/// A chosen size and token count against the compute-optimal ones.
struct Departure {
  Allocation chosen;
  Allocation same_budget;            ///< least loss for the same training FLOP
  std::optional<Allocation> same_loss;  ///< least training FLOP for the same loss
  double loss_penalty = 0;           ///< nats lost against same_budget
  double compute_multiplier = 1;     ///< training FLOP over those of same_loss
  double serving_saved_flop_per_token = 0;  ///< against same_loss; negative when the chosen model is the larger one
  /// Tokens served from which the chosen model is cheaper over its life; nothing when never.
  std::optional<double> break_even_tokens;
};
Departure departure_from_optimum(const LossSurface& surface, double params, double tokens, double serving_price = 1);

}  // namespace isoflop::fits
