// Whether the form of the law is right: a restricted law against one with a parameter more, on the same runs.
//   LR = factor * ln(Q_restricted / Q_free), factor 2n or n as in profile.h.
// p_chi_squared believes in independent, identically distributed errors. p_bootstrap refits both laws to runs made from
// the restricted law with residuals resampled under a scheme, and counts how often LR comes out as large.
#pragma once
#include <string>
#include <vector>

#include "isoflop/fits/bootstrap.h"

namespace isoflop::fits {

/// What is held in the restricted law.
enum class Restriction { NoCoupling, TiedExponents, NoFloor };  ///< k = 1, alpha = beta, E = 0

struct FormTest {
  Restriction restriction = Restriction::NoCoupling;
  std::string name;  ///< "k = 1", "alpha = beta", "E = 0"
  ChinchillaFit restricted, free;
  double likelihood_ratio = 0;
  double p_chi_squared = 0;
  double p_bootstrap = 0;  ///< NaN without replicates; never below 1 / (replicates + 1)
  std::string scheme;      ///< of p_bootstrap
};

/// `settings.scheme` must keep the design: Wild, WildClusterBySize or Residual (Error, Usage, otherwise).
/// Nothing when the options already impose the restriction or either law is not identified.
std::optional<FormTest> test_form(const RunTable& runs, const ChinchillaOptions& options, Restriction restriction,
                                  const BootstrapOptions& settings);

}  // namespace isoflop::fits
