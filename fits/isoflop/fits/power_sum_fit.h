// A law with any number of power-law terms, one per quantity x_k of a run:
//   L = E + sum_k A_k / x_k^alpha_k        e.g. width, depth, parameters and tokens (McLeish et al. 2025, Gemstones)
// fitted like the Chinchilla law, by variable projection instead of millions of starts: at fixed exponents the
// amplitudes solve a small non-negative least-squares problem whose inner products are computed once for the whole
// grid.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "isoflop/fits/chinchilla_fit.h"

namespace isoflop::fits {

struct PowerSumData {  ///< The quantities and the loss of every run.
  std::vector<std::string> names;      ///< of the quantities
  std::vector<std::vector<double>> x;  ///< x[k][i] of run i; positive
  std::vector<double> loss;
  std::vector<double> weight;  ///< empty: 1 for every run

  /// Columns `names` and the loss of a table. Throws Error (BadInput), file:line:column.
  static PowerSumData from_csv(const CsvTable& table, const std::vector<std::string>& names, const std::string& loss);
};

struct PowerSumLaw {  ///< E + sum_k A_k / x_k^alpha_k, in the order of PowerSumData::names.
  double E = 0;
  std::vector<double> A, alpha;
};

struct PowerSumOptions {  ///< Objective and search.
  double delta = 1e-3;
  double lowest_exponent = 0.05, highest_exponent = 1.2;  ///< of the grid; the final fit is not held to it
  std::size_t points = 8;                                 ///< of the grid per term
  std::size_t amplitude_fits = 64, polishes = 16;         ///< best cells by least squares, best of these by objective
  int threads = 0;
};

struct PowerSumFit {
  PowerSumLaw law;
  FitStatus status = FitStatus::NotConverged;
  std::string reason;
  double objective = 0;
  std::size_t n = 0, cells = 0, starts_tried = 0, starts_agreeing = 0;
  double gradient_relative = 0;
  std::vector<double> hessian_eigenvalues;
  std::vector<double> residuals;  ///< ln Lhat - ln L
};

/// Throws Error (Usage) for no term, more than six, or options out of range; what the data do is a status.
PowerSumFit fit_power_sum(const PowerSumData& data, const PowerSumOptions& options = {});

}  // namespace isoflop::fits
