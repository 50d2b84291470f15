// Fits any loss law to data: minimises
//   sum_i w_i rho_delta(r_i),  r_i = ln Lhat_i - ln L_i  (Lhat_i - L_i for laws whose output may be negative),
// rho_delta the Huber function: r^2/2 inside delta, delta (|r| - delta/2) outside. SUM, never mean.
// Search: random points over the whole search range of the parameters that enter nonlinearly, the others solved for
// (variable projection), Ceres' Levenberg-Marquardt with automatic derivatives from the best of them, Newton's method
// to the end. The Chinchilla family has a faster estimator (chinchilla_fit.h); both find the same minimum.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/fits/chinchilla_fit.h"
#include "isoflop/fits/loss_law.h"
#include "isoflop/fits/run_table.h"

namespace isoflop::fits {

/// Rows of a law's inputs with what was measured.
struct LawData {
  std::vector<std::vector<double>> inputs;  ///< one row per observation, in the order of the law's inputs
  std::vector<double> outputs;
  std::vector<double> weights;  ///< empty = all 1
  std::string name = "data";
  std::size_t rows_dropped = 0;

  std::size_t size() const { return outputs.size(); }
};

/// Columns by the law's input columns (or letters) and `output_column`; an optional column `weight`. A row with an
/// empty cell among them is dropped and counted. Throws Error (BadInput) naming the column that is missing or wrong.
LawData law_data(const CsvTable& table, const LossLaw& law, const std::string& output_column = "loss");
/// For laws of size and tokens. Throws Error (Usage) for others.
LawData law_data(const RunTable& runs, const LossLaw& law);

struct LawFitOptions {  ///< Objective and search.
  double delta = 1e-3;  ///< Huber threshold; infinity = least squares
  std::size_t search_points = 3000;  ///< random points that are scored
  std::size_t polishes = 16;         ///< of which this many are followed to the end
  std::uint64_t seed = 1;
  int threads = 0;
  /// Parameters to start from besides those of the search; they are always followed to the end.
  std::vector<std::vector<double>> starts = {};
};

struct LawFit {
  std::vector<double> parameters;  ///< in the order of the law's table
  FitStatus status = FitStatus::NotConverged;
  std::string reason;              ///< why the status is not Certified; empty when it is
  double objective = 0;
  std::size_t n = 0;
  std::size_t starts_tried = 0, starts_agreeing = 0;  ///< polished starts; within 1e-9 of the best objective, relative
  double gradient_relative = 0;  ///< largest derivative of the objective over the sum of the magnitudes of its terms
  double condition = 0;          ///< of the Jacobian with columns scaled to length 1
  std::vector<double> sloppiest; ///< direction of the fitted coordinates that the data constrain least
  std::vector<std::string> at_bound;
  std::vector<double> residuals;

  bool usable() const {
    return status == FitStatus::Certified || status == FitStatus::Converged || status == FitStatus::AtBound;
  }
};

/// Never throws for what the data do: it returns a status and says why. Throws Error (BadInput) for outputs that are
/// not finite, or not positive where the law's are; Error (Usage) for options out of range.
LawFit fit_law(const LossLaw& law, const LawData& data, const LawFitOptions& options = {});

/// Pairs bootstrap: fits to resampled rows, each with a smaller search of its own besides the start from `fit`.
/// Replicate i belongs to random stream i of `seed`. Resamples that give no usable fit are left out.
struct LawDraws {
  std::vector<std::vector<double>> parameters;
  std::size_t failed = 0;
};
LawDraws bootstrap_law(const LossLaw& law, const LawData& data, const LawFit& fit, const LawFitOptions& options,
                       std::size_t replicates, std::uint64_t seed);

/// The objective at given parameters.
double law_objective(const LossLaw& law, const LawData& data, const std::vector<double>& parameters, double delta);

}  // namespace isoflop::fits
