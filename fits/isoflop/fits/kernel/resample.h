// One replicate of a bootstrap: the same runs with other weights or other losses. Internal to fits.
#pragma once
#include <vector>

#include "isoflop/fits/bootstrap.h"
#include "isoflop/fits/kernel/global_search.h"
#include "isoflop/random.h"

namespace isoflop::fits::kernel {

struct Resample {
  AlignedDoubles weight, loss, inverse_loss;

  explicit Resample(const PreparedRuns& runs)
      : weight(runs.weight()), loss(runs.loss()), inverse_loss(runs.inverse_loss()) {}
  Rows rows(const PreparedRuns& runs) const {
    Rows view = runs.rows();
    view.weight = weight.data();
    view.loss = loss.data();
    view.inverse_loss = inverse_loss.data();
    return view;
  }
};

class Resampler {
 public:
  /// Keeps a reference to `prepared`.
  Resampler(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options, Scheme scheme,
            const PreparedRuns& prepared);
  Resample draw(Random& random) const;

 private:
  void set_loss(Resample& sample, std::size_t i, double residual) const;

  Scheme scheme_;
  const PreparedRuns& prepared_;
  bool raw_;
  std::vector<std::size_t> groups_;
  std::size_t group_count_;
  std::vector<double> predicted_, residuals_;
};

}  // namespace isoflop::fits::kernel
