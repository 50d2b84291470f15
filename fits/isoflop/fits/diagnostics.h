// Whether a fit can be leaned on: how well the runs pin the parameters, and how the answer moves with choices that the
// data do not make (the Huber threshold, which runs are left out, a single run).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "isoflop/fits/chinchilla_fit.h"

namespace isoflop::fits {

struct Identifiability {  ///< How well the runs pin the parameters.
  /// Of the residual's Jacobian with columns scaled to length one: 1 = every parameter seen separately; the relative
  /// error of the loss is magnified by up to this factor in some combination of parameters.
  double scaled_condition = 0;
  /// Eigenvector of the least Hessian eigenvalue over fit.free_names: the combination the runs say least about.
  std::vector<double> sloppiest;
  std::vector<std::string> names;
  long degrees_of_freedom = 0;
  std::size_t model_sizes = 0, token_counts = 0;  ///< that differ by more than 1 %
};
/// From Jacobian and Hessian at the fit.
Identifiability identifiability(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options);

/// Whether runs of one model size err together: intraclass correlation of the residuals (clipped at three scaled MADs)
/// by size, and the share of 999 random regroupings of the same residuals that come out as large. Where they do,
/// schemes that resample single runs claim too much.
struct GroupCorrelation {
  double intraclass = 0;
  double p = 1;
  std::size_t groups = 0;
};
GroupCorrelation residual_correlation(const ChinchillaFit& fit, const std::vector<std::size_t>& groups,
                                      std::uint64_t seed);

/// The fit with every threshold.
struct DeltaRow {
  double delta = 0;
  ChinchillaFit fit;
};
std::vector<DeltaRow> delta_sweep(const RunTable& runs, const ChinchillaOptions& options,
                                  const std::vector<double>& deltas);

/// The fit after leaving out the run with the largest residual, once more and so on.
struct DropRow {
  std::size_t dropped = 0;
  Run last_dropped;          ///< of this step; default for the first row, which drops nothing
  double last_residual = 0;  ///< its ln L - ln Lhat in the fit before, in scaled MADs about zero
  ChinchillaFit fit;
};
std::vector<DropRow> drop_sweep(const RunTable& runs, const ChinchillaOptions& options, std::size_t most);

/// What leaving out one run does to the exponent a.
struct Influence {
  std::size_t run = 0;          ///< position in the table
  double residual_in_mads = 0;  ///< ln L - ln Lhat in scaled MADs about zero
  double change_of_a = 0;       ///< a without the run minus a
  double leverage = 0;          ///< diagonal of the hat matrix of the linearised law, 0 to 1
};
/// All runs, the largest |change_of_a| first.
std::vector<Influence> influence(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options);

}  // namespace isoflop::fits
