#include "isoflop/fits/planning.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/error.h"

namespace isoflop::fits {
namespace {

constexpr double least_params = 1e3, most_params = 1e18, most_tokens = 1e24;

struct Minimum {
  double x = 0;
  bool interior = true;
};

// Scan, then golden section around the best point: laws need not be convex (repeated data), but are smooth.
template <typename F>
Minimum minimum_between(const F& f, double low, double high) {
  constexpr int points = 160;
  const double step = (high - low) / points;
  int best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i <= points; ++i) {
    const double y = f(low + i * step);
    if (y < least) least = y, best = i;
  }
  double a = low + std::max(best - 1, 0) * step, b = low + std::min(best + 1, points) * step;
  const double golden = (std::sqrt(5.0) - 1) / 2;
  double c = b - golden * (b - a), d = a + golden * (b - a);
  double fc = f(c), fd = f(d);
  for (int i = 0; i < 70 && b - a > 1e-12; ++i) {
    if (fc < fd) {
      b = d, d = c, fd = fc;
      c = b - golden * (b - a), fc = f(c);
    } else {
      a = c, c = d, fc = fd;
      d = a + golden * (b - a), fd = f(d);
    }
  }
  return {(a + b) / 2, best != 0 && best != points};
}

// Root of a function that falls from positive to negative; nothing when it does not change sign.
template <typename F>
std::optional<double> falling_root(const F& f, double low, double high) {
  if (!(f(low) > 0) || !(f(high) <= 0)) return {};
  for (int i = 0; i < 200 && high - low > 1e-13 * std::max(1.0, std::fabs(high)); ++i) {
    const double middle = (low + high) / 2;
    (f(middle) > 0 ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

LossSurface surface_of(const ChinchillaLaw& law) {
  return {[law](double params, double tokens) { return law.loss(params, tokens); }, 1, law};
}

LossSurface surface_of(const LossLaw& law, const std::vector<double>& parameters,
                       const std::map<std::string, double>& given) {
  const auto& f = law.facts();
  const auto size = law.input("N"), data = law.input("D");
  if (!size || !data)
    throw Error(Fault::Usage, "law " + f.id + " does not say how the loss depends on both size and tokens (" +
                                  f.formula + "), so no budget can be split with it");
  std::vector<double> inputs(f.inputs.size(), std::numeric_limits<double>::quiet_NaN());
  for (const auto& [name, value] : given) {
    const auto position = law.input(name);
    if (!position || position == size || position == data) {
      std::string with;
      for (const LossLaw* other : loss_laws())
        if (other->input(name) && other->input("N") && other->input("D"))
          with += (with.empty() ? "" : ", ") + other->facts().id;
      throw Error(Fault::Usage, "law " + f.id + " (" + f.formula + ") does not depend on " + name +
                                    (with.empty() ? "" : "; laws that do: " + with));
    }
    inputs[*position] = value;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i == *size || i == *data) continue;
    if (std::isnan(inputs[i]))
      throw Error(Fault::Usage, "law " + f.id + " needs " + f.inputs[i].column + " (" + f.inputs[i].meaning +
                                    "): add --given " + f.inputs[i].column + "=VALUE");
  }
  LossSurface surface;
  surface.active_share = f.active_share ? f.active_share(inputs) : 1;
  if (!(surface.active_share > 0 && surface.active_share <= 1))
    throw Error(Fault::Usage, "law " + f.id + ": the given inputs leave no active parameters");
  surface.loss = [&law, parameters, inputs, size, data](double params, double tokens) {
    std::vector<double> x = inputs;
    x[*size] = params;
    x[*data] = tokens;
    return law.value(x, parameters);
  };
  return surface;
}

Allocation allocation_at(const LossSurface& surface, double params, double tokens, const Serving& serving) {
  return {params, tokens, surface.loss(params, tokens), surface.training_flop(params, tokens),
          2 * surface.active_share * params * serving.tokens, true};
}

Allocation best_for_budget(const LossSurface& surface, double budget_flop, const Serving& serving) {
  if (surface.closed_form && serving.tokens == 0 && surface.closed_form->alpha > 0 && surface.closed_form->beta > 0) {
    const ComputeOptimum optimum = surface.closed_form->optimum(budget_flop);
    if (optimum.params > least_params && optimum.params < most_params && optimum.tokens > 1 &&
        optimum.tokens < most_tokens)
      return allocation_at(surface, optimum.params, optimum.tokens);
  }
  const double per_param = surface.active_share * (6 + 2 * serving.price * serving.tokens);
  const auto tokens = [&](double params) {
    return (budget_flop / (surface.active_share * params) - 2 * serving.price * serving.tokens) / 6;
  };
  const double high = std::log(std::min(most_params, budget_flop / per_param));
  const auto found = minimum_between(
      [&](double log_params) {
        const double params = std::exp(log_params);
        const double d = tokens(params);
        return d > 0 ? surface.loss(params, d) : std::numeric_limits<double>::infinity();
      },
      std::min(std::log(least_params), high - 1), high);
  const double params = std::exp(found.x);
  Allocation best = allocation_at(surface, params, tokens(params), serving);
  best.interior = found.interior;
  return best;
}

std::optional<double> tokens_for_loss(const LossSurface& surface, double params, double loss) {
  const auto root = falling_root([&](double log_tokens) { return surface.loss(params, std::exp(log_tokens)) - loss; },
                                 0, std::log(most_tokens));
  return root ? std::optional(std::exp(*root)) : std::nullopt;
}

std::optional<Allocation> cheapest_for_loss(const LossSurface& surface, double loss, const Serving& serving) {
  // Sizes that cannot reach the loss at all cost infinitely much; the search runs over the others.
  const auto cost = [&](double log_params) {
    const double params = std::exp(log_params);
    const auto tokens = tokens_for_loss(surface, params, loss);
    if (!tokens) return std::numeric_limits<double>::infinity();
    return std::log(surface.active_share * params * (6 * *tokens + 2 * serving.price * serving.tokens));
  };
  const auto found = minimum_between(cost, std::log(least_params), std::log(most_params));
  const double params = std::exp(found.x);
  const auto tokens = tokens_for_loss(surface, params, loss);
  if (!tokens) return {};
  Allocation best = allocation_at(surface, params, *tokens, serving);
  best.interior = found.interior;
  return best;
}

std::optional<double> optimal_tokens(const LossSurface& surface, double params) {
  // At the optimum of a budget the loss falls equally fast with log N and log D.
  const double h = 1e-4;
  const auto imbalance = [&](double log_tokens) {
    const double tokens = std::exp(log_tokens);
    const double by_tokens = surface.loss(params, tokens * std::exp(-h)) - surface.loss(params, tokens * std::exp(h));
    const double by_params = surface.loss(params * std::exp(-h), tokens) - surface.loss(params * std::exp(h), tokens);
    return by_tokens - by_params;
  };
  const auto root = falling_root(imbalance, std::log(1e3), std::log(1e20));
  return root ? std::optional(std::exp(*root)) : std::nullopt;
}

Departure departure_from_optimum(const LossSurface& surface, double params, double tokens, double serving_price) {
  Departure departure;
  departure.chosen = allocation_at(surface, params, tokens);
  departure.same_budget = best_for_budget(surface, departure.chosen.training_flop);
  departure.same_loss = cheapest_for_loss(surface, departure.chosen.loss);
  departure.loss_penalty = departure.chosen.loss - departure.same_budget.loss;
  if (const auto& rival = departure.same_loss) {
    departure.compute_multiplier = departure.chosen.training_flop / rival->training_flop;
    departure.serving_saved_flop_per_token = 2 * surface.active_share * (rival->params - params);
    if (departure.serving_saved_flop_per_token > 0)
      departure.break_even_tokens = std::max(0.0, departure.chosen.training_flop - rival->training_flop) /
                                    (serving_price * departure.serving_saved_flop_per_token);
  }
  return departure;
}

}  // namespace isoflop::fits
