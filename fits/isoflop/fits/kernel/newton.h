// Damped Newton steps for a handful of parameters: Cholesky of H + lambda diag|H|, lambda led by how well the quadratic
// model predicted the last decrease. Internal to fits.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace isoflop::fits::kernel {

template <std::size_t Max>
struct Quadratic {
  double value = 0;
  std::array<double, Max> gradient{};
  std::array<std::array<double, Max>, Max> hessian{};  ///< full, symmetric
};

/// Solves (H + lambda diag|H|) x = -g for the first `m` unknowns; false when not positive definite.
template <std::size_t Max>
bool damped_step(const Quadratic<Max>& q, std::size_t m, double lambda, std::array<double, Max>& step) {
  std::array<std::array<double, Max>, Max> c{};
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = q.hessian[i][j];
      if (i == j) sum += lambda * std::max(std::fabs(sum), 1e-12);
      for (std::size_t k = 0; k < j; ++k) sum -= c[i][k] * c[j][k];
      if (i == j) {
        if (!(sum > 1e-13 * std::fabs(q.hessian[i][i]))) return false;
        c[i][i] = std::sqrt(sum);
      } else {
        c[i][j] = sum / c[j][j];
      }
    }
  for (std::size_t i = 0; i < m; ++i) {
    double sum = -q.gradient[i];
    for (std::size_t k = 0; k < i; ++k) sum -= c[i][k] * step[k];
    step[i] = sum / c[i][i];
  }
  for (std::size_t i = m; i-- > 0;) {
    double sum = step[i];
    for (std::size_t k = i + 1; k < m; ++k) sum -= c[k][i] * step[k];
    step[i] = sum / c[i][i];
  }
  return true;
}

struct NewtonSettings {
  int most_steps = 300;
  double stop_relative = 1e-15;  ///< predicted decrease over the value at which the search ends
  double stop_absolute = 0;      ///< the same, for data that the law fits exactly
  double longest_step = 2;       ///< of any one parameter
};

struct NewtonOutcome {
  bool converged = false;
  int evaluations = 0;
};

/// Minimises from `x`, which it moves; `evaluate(x, q)` fills value, gradient and Hessian. `q` ends up belonging to
/// `x`.
template <std::size_t Max, typename Evaluate>
NewtonOutcome minimise(std::array<double, Max>& x, std::size_t m, Quadratic<Max>& q, const NewtonSettings& settings,
                       Evaluate&& evaluate) {
  NewtonOutcome outcome;
  evaluate(x, q);
  outcome.evaluations = 1;
  double lambda = 0;
  Quadratic<Max> trial_q;
  std::array<double, Max> step{};
  while (outcome.evaluations < settings.most_steps) {
    int tries = 0;
    while (!damped_step(q, m, lambda, step)) {
      lambda = std::max(10 * lambda, 1e-4);
      if (++tries > 30) return outcome;
    }
    double longest = 0;
    for (std::size_t i = 0; i < m; ++i) longest = std::max(longest, std::fabs(step[i]));
    if (!std::isfinite(longest)) return outcome;
    if (longest > settings.longest_step)
      for (std::size_t i = 0; i < m; ++i) step[i] *= settings.longest_step / longest;
    double predicted = 0;
    auto trial = x;
    for (std::size_t i = 0; i < m; ++i) {
      double curved = 0;
      for (std::size_t j = 0; j < m; ++j) curved += q.hessian[i][j] * step[j];
      predicted -= step[i] * (q.gradient[i] + 0.5 * curved);
      trial[i] += step[i];
    }
    const bool last = predicted <= settings.stop_relative * q.value || predicted <= settings.stop_absolute;
    evaluate(trial, trial_q);
    ++outcome.evaluations;
    const double actual = q.value - trial_q.value;
    // Rounding of the residuals can hide a decrease that is still predicted: runs that the law fits almost exactly.
    const bool hidden =
        predicted <= 1e-9 * q.value && !(actual > 0.2 * predicted) && std::fabs(actual) <= 1e-9 * q.value;
    if (last || hidden) {
      // Below the rounding of the value the gradient decides.
      double before = 0, after = 0;
      for (std::size_t i = 0; i < m; ++i) {
        before = std::max(before, std::fabs(q.gradient[i]));
        after = std::max(after, std::fabs(trial_q.gradient[i]));
      }
      const double rounding = (hidden ? 1e-9 : 1e-13) * std::fabs(q.value) + settings.stop_absolute;
      const bool better = after < before && trial_q.value <= q.value + rounding;
      if (better) {
        x = trial;
        q = trial_q;
      }
      outcome.converged = lambda < 1e-2 && (last || !better);
      if (outcome.converged) return outcome;
      lambda = lambda < 1e-3 ? 0 : lambda / 10;  // a short step because damped: not yet a minimum
      continue;
    }
    const double ratio = actual / predicted;
    if (ratio > 1e-3 && std::isfinite(trial_q.value)) {
      x = trial;
      q = trial_q;
    }
    if (ratio > 0.7)
      lambda = lambda < 1e-6 ? 0 : lambda / 10;
    else if (!(ratio > 0.2))
      lambda = std::max(8 * lambda, 1e-3);
    if (lambda > 1e12) return outcome;
  }
  return outcome;
}

}  // namespace isoflop::fits::kernel
