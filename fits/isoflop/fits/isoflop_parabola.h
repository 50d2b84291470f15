// Approach 2: at each compute budget a parabola of loss in ln N, its vertex as N*, and a power law through the vertices
// (Hoffmann et al. 2022, arXiv:2203.15556, section 3.2).
//
// A parabola is not the true curve. With L = E + A/N^alpha + B/D^beta and t = ln(N/N*), the loss along a budget is
//   L(t) - L(0) proportional to e^(-alpha t)/alpha + e^(beta t)/beta + constant,
// so the vertex of the parabola through points t_i is off by an amount that depends on alpha, beta and the t_i alone,
// not on the budget: the exponent a is unharmed, N* is not. The correction subtracts exactly that.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "isoflop/fits/run_table.h"

namespace isoflop::fits {

/// Error of ln N* from a parabola through the points t_i = ln(N_i/N*): the vertex it finds where the true one is 0.
/// Throws Error (CannotRun) for fewer than three distinct points or exponents that are not positive.
double parabola_bias(double alpha, double beta, std::span<const double> t);

struct IsoflopOptions {  ///< How runs are dealt to budgets, and whether vertices are corrected.
  std::vector<double> budgets_flop;  ///< empty: found where ln C of the runs crowds
  double tolerance = 0.2;            ///< a run belongs to its nearest budget if |ln(C/budget)| is below
  std::size_t least_points = 5;
  /// Exponents for the bias correction; none: no correction.
  std::optional<double> alpha, beta;
};

/// Whether a budget's parabola tells N*, or why not.
enum class CurveStatus { Used, TooFewRuns, NotConvex, MinimumOutside };
std::string curve_status_name(CurveStatus status);  ///< "used", "too_few_runs", ...

struct IsoflopCurve {  ///< The parabola at one budget.
  double budget_flop = 0;
  std::vector<std::size_t> runs;  ///< positions in the table
  CurveStatus status = CurveStatus::TooFewRuns;
  /// loss = c0 + c1 x + c2 x^2, x = ln N - centre; meaningless with too few runs.
  double c0 = 0, c1 = 0, c2 = 0, centre = 0;
  double params = 0, params_log_se = 0;  ///< vertex (corrected where asked), SE of its logarithm by the delta method
  double tokens = 0;                     ///< budget / (6 params)
  double loss = 0;                       ///< at the vertex
  double bias_log = 0;                   ///< subtracted from ln N*
};

struct IsoflopFit {  ///< All budgets, and the power law through those that are used.
  std::vector<IsoflopCurve> curves;
  std::size_t used = 0;
  double exponent_a = 0, exponent_a_se = 0;  ///< slope of ln N* on ln C and its SE by least squares; NaN below 3 curves
  double log_factor = 0;                     ///< ln N* = log_factor + a ln C
  std::string reason;                        ///< why there is no power law; empty when there is one

  bool usable() const { return reason.empty(); }
  double params(double compute_flop) const;  ///< N* at a budget in FLOP, by the power law.
  /// D* = C / 6N* at a budget in FLOP.
  double tokens(double compute_flop) const { return compute_flop / (6 * params(compute_flop)); }
};

/// Never throws for what the data do.
IsoflopFit fit_isoflop_parabolas(const RunTable& runs, const IsoflopOptions& options = {});

/// Budgets around which the runs crowd: gaps of ln C wider than `gap` part them; the median C of each group with at
/// least `least_points` runs.
std::vector<double> crowded_budgets(const RunTable& runs, double gap, std::size_t least_points);

/// The budgets of Hoffmann et al. 2022, figure 3.
std::vector<double> hoffmann_budgets();

}  // namespace isoflop::fits
