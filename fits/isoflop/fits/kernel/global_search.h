// The search behind fit_chinchilla and every bootstrap replicate: variable projection over the exponents, then Newton
// from the best cells. Internal to fits.
#pragma once
#include <vector>

#include "isoflop/fits/chinchilla_fit.h"
#include "isoflop/fits/kernel/loss_kernel.h"

namespace isoflop::fits::kernel {

/// The runs as aligned arrays with centred logarithms.
class PreparedRuns {
 public:
  explicit PreparedRuns(const RunTable& runs);

  Rows rows() const {
    return {ln_n_.groups(), ln_n_.data(), ln_d_.data(), loss_.data(), inverse_loss_.data(), weight_.data()};
  }
  std::size_t size() const { return ln_n_.size(); }
  const AlignedDoubles& weight() const { return weight_; }
  const AlignedDoubles& loss() const { return loss_; }
  const AlignedDoubles& inverse_loss() const { return inverse_loss_; }
  double mean_ln_n() const { return mean_ln_n_; }
  double mean_ln_d() const { return mean_ln_d_; }

  /// theta of centred logarithms from theta of plain ones, and back.
  Theta centred(const Theta& theta) const;
  Theta plain(const Theta& theta) const;

 private:
  AlignedDoubles ln_n_, ln_d_, loss_, inverse_loss_, weight_;
  double mean_ln_n_ = 0, mean_ln_d_ = 0;
};

/// Which entries of theta are estimated: theta_j = coefficient[j] * x[slot[j]], or held where slot[j] is -1.
struct FreeMap {
  std::array<int, theta_size> slot{};
  std::array<double, theta_size> coefficient{1, 1, 1, 1, 1, 1};
  std::size_t count = 0;

  explicit FreeMap(const ChinchillaOptions& options);
  /// The same with theta_j held.
  FreeMap holding(std::size_t j) const;
  /// The same with beta = ratio * alpha.
  FreeMap with_exponent_ratio(double ratio) const;
};

inline constexpr double least_log = -300;  ///< stands for ln 0

/// exp(-alpha ln_n) and exp(-beta ln_d) for every exponent of a grid; depends on the sizes only, so that all
/// replicates share it.
class ExponentGrid {
 public:
  ExponentGrid(const PreparedRuns& runs, double low, double high, std::size_t points, bool diagonal);

  std::size_t cells() const { return diagonal_ ? points_ : points_ * points_; }
  std::size_t points() const { return points_; }
  bool diagonal() const { return diagonal_; }
  double alpha(std::size_t cell) const { return exponents_[diagonal_ ? cell : cell / points_]; }
  double beta(std::size_t cell) const { return exponents_[diagonal_ ? cell : cell % points_]; }
  const double* p(std::size_t cell) const { return n_[diagonal_ ? cell : cell / points_].data(); }
  const double* q(std::size_t cell) const { return d_[diagonal_ ? cell : cell % points_].data(); }

 private:
  std::size_t points_;
  bool diagonal_;
  std::vector<double> exponents_;
  std::vector<AlignedDoubles> n_, d_;
};

/// Plain (uncentred) theta and law.
Theta theta_of(const ChinchillaLaw& law);
ChinchillaLaw law_of(const Theta& plain, const ChinchillaOptions& options);
bool is_finite(const ChinchillaLaw& law);

struct Point {
  Theta theta{};  ///< centred
  double objective = 0;
  bool converged = false;
};

/// The best amplitudes in a cell: non-negative least squares, then Newton on the objective itself.
Point solve_cell(const Rows& rows, const ExponentGrid& grid, std::size_t cell, const ChinchillaOptions& options,
                 int newton_steps);

/// Newton on all free parameters, by way of larger thresholds where delta is far below the residuals.
Point polish(const Rows& rows, const Theta& start, const ChinchillaOptions& options, const FreeMap& map);

struct SearchSettings {
  std::size_t polishes = 8;
  int cell_steps = 12;
  int threads = 1;
};

struct SearchResult {
  Point best;
  std::size_t tried = 0, agreeing = 0;
  std::vector<Point> polished;
};

/// Newton from every start; the best, and how many reached it.
SearchResult polish_starts(const Rows& rows, const std::vector<Theta>& starts, const ChinchillaOptions& options,
                           const FreeMap& map, int threads);

/// Polishes `extra` starts, the best cells, and every local minimum of the grid (at most twice `polishes` cells in
/// all).
SearchResult global_search(const Rows& rows, const ExponentGrid& grid, const ChinchillaOptions& options,
                           const FreeMap& map, const SearchSettings& settings, const std::vector<Theta>& extra = {});

/// Objective, gradient and Hessian at a centred theta.
Sums evaluate_at(const Rows& rows, const Theta& theta, const ChinchillaOptions& options);

}  // namespace isoflop::fits::kernel
