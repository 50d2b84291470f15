// Asymptotic covariance of a Huber fit, H^-1 J H^-1: no resampling, but it rests on the density of the residuals at
// zero, which a small delta makes hard to know. The curvature therefore counts residuals through a Gaussian kernel
// instead of the few that happen to lie inside delta.
//   J = sum_i w_i^2 psi_i^2 z_i z_i',  H = sum_i w_i c_i z_i z_i' with c_i the smoothed share of |r| <= delta near r_i.
// Source: Huber 1967; bandwidth by Silverman 1986 (1.06 s n^-1/5).
#pragma once
#include <vector>

#include "isoflop/estimate.h"
#include "isoflop/fits/bootstrap.h"

namespace isoflop::fits {

/// Covariance over the free parameters in the order of fit.free_names; empty when singular.
std::vector<std::vector<double>> sandwich_covariance(const RunTable& runs, const ChinchillaFit& fit,
                                                     const ChinchillaOptions& options);

/// Normal interval of f by the delta method with central differences in theta.
FittedValue delta_interval(const std::vector<std::vector<double>>& covariance, const ChinchillaFit& fit,
                           const ChinchillaOptions& options, const Functional& f, double level);

}  // namespace isoflop::fits
