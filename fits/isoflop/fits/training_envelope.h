// Approach 1: the lower envelope of training curves. At every compute C the run with the least loss tells N*(C); a
// power law goes through them (Hoffmann et al. 2022, arXiv:2203.15556, section 3.1). Curves must come from runs whose
// learning rate had decayed where they are read: a loss from the middle of a longer schedule is too high (same paper,
// figure A1).
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"

namespace isoflop::fits {

struct TrainingCurve {  ///< Loss along one run.
  std::string run;
  double params = 0;
  std::vector<double> tokens, loss;  ///< tokens rising
};

/// Columns run (or name), params, loss and tokens; or step with tokens_per_step (or batch_tokens) in place of tokens.
/// Rows without loss are dropped. Throws Error (BadInput) when a run has two sizes.
std::vector<TrainingCurve> read_training_curves(const CsvTable& table);

struct EnvelopePoint {  ///< The best run at one compute.
  double compute_flop = 0, params = 0, loss = 0;
};

/// N* = exp(log_factor) C^exponent_a
struct EnvelopeLine {
  double exponent_a = 0, log_factor = 0;
};

struct EnvelopeFit {  ///< The power law through the envelope, and how much single sizes move it.
  std::vector<EnvelopePoint> points;  ///< where the best run is neither the smallest nor the largest there
  std::size_t at_edge = 0;            ///< budgets left out because it is
  double exponent_a = 0, exponent_a_se = 0;  ///< SE by leaving out one size at a time; NaN when none is left
  double log_factor = 0;
  std::vector<EnvelopeLine> without_a_size;  ///< the fits behind that SE
  std::string reason;                 ///< why there is no power law; empty when there is one

  bool usable() const { return reason.empty(); }
  double params(double compute_flop) const;  ///< N* at a budget in FLOP.
  /// SE of ln N*(C) by leaving out one size at a time; NaN when fewer than three fits are left.
  double log_params_se(double compute_flop) const;
};

/// `budgets`: how many log-spaced values of C are read off (1500 in the paper).
EnvelopeFit fit_envelope(const std::vector<TrainingCurve>& curves, std::size_t budgets = 1500);

}  // namespace isoflop::fits
