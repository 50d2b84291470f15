// One law, many machines: constants fitted from the widest cell to the narrowest, each narrower cell with the wider
// one's values as its prior. A chip with few rows stays near its engine's values, an engine with few near everybody's,
// and a chip that was never measured gets the wider cell's constants with an interval from chips left out.
//
//   row i belongs to the cells any > engine > engine and vendor > engine and chip (its `cells`, widest first)
//   cell c:  min sum rho(ln predicted / measured) + sum_k d^2 (ln c_k - ln parent_k)^2 / spread_k^2
//
// The objective is calibrate()'s; a spread says how far, in ln units, a constant may differ from one cell to the next.
// Cross-validation leaves whole groups out and refits every cell. Intervals are conformal on rows left out (see
// cross_validation.h), of the narrowest cell that has enough of them: 20 rows in 12 groups; where not even the widest
// has, a factor of four either way (assumed).
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "isoflop/sim/calibrate/cross_validation.h"

namespace isoflop::sim {

inline constexpr RatioInterval interval_of_too_few_rows{0.25, 4};

struct PooledRow {  ///< A measured row and the cells it belongs to.
  std::string id, group;
  std::vector<std::string> cells;  ///< widest first, at least one
  double measured = 0;
  int fold = -1;                   ///< in cross-validation; -1 on every row: dealt out by group
};

struct PooledProblem {  ///< Constants, rows and the law that predicts them.
  std::vector<Constant> constants;
  std::vector<double> spread;  ///< per constant: prior sd of ln c against the wider cell; 0: one value for all cells
  std::function<double(const std::string& cell)> spread_scale;  ///< of a narrower cell; none: 1
  std::vector<PooledRow> rows;
  /// `fold` is the part that is left out, -1 when none is: a law that rests on another law's predictions takes those
  /// that were made without the same part.
  std::function<double(std::span<const double> values, std::size_t row, int fold)> predict;
};

struct PooledCell {  ///< Constants of one cell, with their errors on rows left out.
  std::string name;
  std::vector<double> values, standard_errors;  ///< se is NaN where the wider cell or a prior decides
  RatioInterval interval;                       ///< 90 %, measured over predicted, groups left out
  RatioInterval unseen_interval;  ///< the same for a narrower cell without rows of its own, from leaving such out
  double cross_validated_mape = 0;
  std::size_t rows = 0, groups = 0;
};

struct PooledFit {
  std::map<std::string, PooledCell> cells;
  std::vector<double> in_sample, cross;     ///< per row; cross from the fit that did not see the row's group
  std::vector<RatioInterval> interval;      ///< per row, from rows of other folds
  std::vector<std::map<std::string, std::vector<double>>> fold_values;  ///< per fold: the values of every cell
  std::vector<double> leaf_left_out;        ///< per row, from a fit without the row's narrowest cell

  /// The narrowest of these cells that was fitted; throws Error (CannotRun) when there is none.
  const PooledCell& resolve(const std::vector<std::string>& path) const;
};

struct PooledOptions {  ///< Search and cross-validation.
  int folds = 10;
  int starts = 3;             ///< of the widest cell; narrower ones start from their parent
  double robust_scale = 0.1;
  bool leave_leaves_out = true;
  std::uint64_t seed = 42;
  int threads = 0;
};

/// The values of the narrowest of these cells.
const std::vector<double>& resolve_values(const std::map<std::string, std::vector<double>>& cells,
                                          const std::vector<std::string>& path);

/// Throws Error (BadInput) when there are fewer rows than constants.
PooledFit fit_pooled(const PooledProblem& problem, const PooledOptions& options = {});

}  // namespace isoflop::sim
