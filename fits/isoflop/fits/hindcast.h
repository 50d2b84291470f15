// What the law would have predicted: fitted to the runs below a compute cut, judged on the runs above it. An interval
// around a full-sample fit cannot show that the exponents drift as the range of the data grows; this can.
#pragma once
#include <vector>

#include "isoflop/fits/bootstrap.h"

namespace isoflop::fits {

struct HindcastRow {  ///< One compute cut: the fit below it, and how it did above.
  double cut_flop = 0;
  std::size_t fitted = 0, tested = 0;
  ChinchillaFit fit;
  FittedValue exponent_a;
  double rmse = 0;      ///< of ln L over the runs above the cut
  double bias = 0;      ///< mean of ln L - ln Lhat over them; above zero the law promised too much
  double coverage = 0;  ///< share of them inside the prediction interval (parameters and a residual drawn together)
};

/// Cuts at 1, 2, 3, 5 x 10^k FLOP that leave at least 8 runs per free parameter below and 5 runs above.
std::vector<double> default_cuts(const RunTable& runs, const ChinchillaOptions& options);

/// One row per cut whose runs identify the law; `level` is that of the prediction intervals.
std::vector<HindcastRow> hindcast(const RunTable& runs, const ChinchillaOptions& options,
                                  const std::vector<double>& cuts, double level, const BootstrapOptions& bootstrap);

}  // namespace isoflop::fits
