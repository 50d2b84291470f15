// Derivatives of each run's residual by the free parameters, in plain code: what certificates and diagnostics use.
#pragma once
#include <array>
#include <vector>

#include "isoflop/fits/chinchilla_fit.h"

namespace isoflop::fits {

/// ln Lhat - ln L, or Lhat - L.
double residual_of(const Run& run, const ChinchillaLaw& law, const ChinchillaOptions& options);

/// Row per run, column per free parameter, in the order of fit.free_names.
std::vector<std::vector<double>> residual_jacobian(const RunTable& runs, const ChinchillaFit& fit,
                                                   const ChinchillaOptions& options);

}  // namespace isoflop::fits
