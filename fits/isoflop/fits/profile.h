// Profile likelihood: how far one parameter can move before the best fit with that value gets much worse.
//   LR(v) = 2 n ln(Q(v) / Qmin)  where most residuals lie outside delta (Laplace errors),
//           n ln(Q(v) / Qmin)    where most lie inside (Gaussian errors);  Q(v) is minimised over all else.
// Under independent, identically distributed errors LR is chi-squared with one degree of freedom. Training runs are not
// like that, so the cut is calibrated: in each bootstrap replicate LR is evaluated at the value fitted to the sample,
// and the interval uses the quantile of those instead of chi-squared's.
#pragma once
#include <string>
#include <vector>

#include "isoflop/estimate.h"
#include "isoflop/fits/bootstrap.h"

namespace isoflop::fits {

/// The parameter that is moved.
enum class Profiled { Alpha, Beta, Floor, ExponentA, Coupling };  ///< alpha, beta, E, a, k

struct ProfilePoint {  ///< The best fit with one value of the parameter.
  double value = 0;
  double objective = 0;
  double likelihood_ratio = 0;
};

struct Profile {
  std::string name;  ///< "alpha", "beta", "E", "a", "k"
  double estimate = 0;
  double chi_squared_cut = 0, calibrated_cut = 0;  ///< calibrated_cut is NaN without replicates
  double low = 0, high = 0;                        ///< with the chi-squared cut; NaN where the profile never reaches it
  double calibrated_low = 0, calibrated_high = 0;
  std::vector<ProfilePoint> points;  ///< ascending in value, past the calibrated interval
};

/// Nothing when the parameter is not free in these options. Throws Error (Usage) when the scheme does not apply.
std::optional<Profile> profile(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options,
                               Profiled which, double level, const BootstrapOptions& calibration);

/// The likelihood ratio over a grid of alpha (inner) and beta (outer), all else at its best.
struct ProfileSurface {
  std::vector<double> alpha, beta, likelihood_ratio;
};
ProfileSurface profile_surface(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options,
                               double alpha_low, double alpha_high, double beta_low, double beta_high,
                               std::size_t points, int threads = 0);

}  // namespace isoflop::fits
