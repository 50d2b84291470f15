// Approach 3: the parameters of L = E + (A/N^alpha + B/D^beta)^k that minimise
//   sum_i w_i rho_delta(ln Lhat_i - ln L_i),   rho_delta the Huber function: r^2/2 inside delta, linear outside,
// found by variable projection (a grid over the exponents, best amplitudes in each cell) and Newton's method, with a
// certificate that the point is the global minimum as far as the search can tell. SUM, never mean: a mean makes the
// objective so small that general-purpose optimisers stop before they start (Besiroglu et al. 2024, arXiv:2404.10102).
#pragma once
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "isoflop/fits/chinchilla_law.h"
#include "isoflop/fits/run_table.h"

namespace isoflop::fits {

enum class Residual { LogLoss, RawLoss };  ///< ln Lhat - ln L, or Lhat - L in nats

struct ChinchillaOptions {  ///< Objective and form of the fit; the defaults are those of the published fits.
  double delta = 1e-3;  ///< Huber threshold in units of the residual; infinity = squared error
  Residual residual = Residual::LogLoss;
  double overestimate_penalty =
      1;  ///< factor on runs whose loss the law overestimates; > 1 pulls towards the lower envelope
  bool tied_exponents = false;    ///< alpha = beta
  bool coupled = false;           ///< k free; otherwise k = 1
  std::optional<double> fixed_E;  ///< 0 or more; free when absent
  int threads = 0;

  /// Parameters that are estimated.
  std::size_t free_parameters() const {
    return 5u - (tied_exponents ? 1u : 0u) - (fixed_E ? 1u : 0u) + (coupled ? 1u : 0u);
  }
};

enum class FitStatus {  ///< How far a fit can be relied on.
  Certified,  ///< several starts agree, the gradient vanishes and the Hessian is positive definite
  Converged,  ///< a minimum, but the certificate is incomplete
  NotConverged,
  AtBound,        ///< the best law lies on the edge of what the form allows, e.g. E = 0
  NotIdentified,  ///< these runs cannot determine the parameters; `law` then means nothing
};

/// "certified", "converged", "not_converged", "at_bound", "not_identified".
std::string status_name(FitStatus status);

/// theta = (ln A, ln B, ln E, alpha, beta, k); those that are not free have zero rows and columns below.
inline constexpr std::size_t theta_size = 6;
using Theta = std::array<double, theta_size>;

struct ChinchillaFit {
  ChinchillaLaw law;
  Theta theta{};
  FitStatus status = FitStatus::NotConverged;
  std::string reason;    ///< why the status is not Certified, as a sentence; empty when it is
  double objective = 0;  ///< the sum, not halved or averaged further
  std::size_t n = 0;     ///< runs used
  std::size_t starts_tried = 0, starts_agreeing = 0;  ///< polished starts; within 1e-10 of the best objective, relative
  std::size_t cells = 0;                              ///< exponent pairs searched before
  double gradient_norm = 0;                           ///< largest |dQ/dtheta_j|
  double gradient_relative = 0;              ///< largest |dQ/dtheta_j| over the sum of the magnitudes of its terms
  std::vector<double> hessian_eigenvalues;   ///< ascending, of the free parameters
  std::vector<double> residuals;             ///< ln Lhat - ln L (or Lhat - L), in the order of the runs
  std::vector<std::string> free_names;       ///< of the free parameters in the order of the Hessian: "ln A", ...
  std::vector<std::vector<double>> hessian;  ///< of the objective over the free parameters

  bool usable() const {
    return status == FitStatus::Certified || status == FitStatus::Converged || status == FitStatus::AtBound;
  }
};

/// Fits the law. Never throws for what the data do: it returns a status and says why.
/// Throws Error (Usage) for options out of range.
ChinchillaFit fit_chinchilla(const RunTable& runs, const ChinchillaOptions& options = {});

/// The objective of given constants, without any search.
double chinchilla_objective(const RunTable& runs, const ChinchillaLaw& law, const ChinchillaOptions& options = {});

}  // namespace isoflop::fits
