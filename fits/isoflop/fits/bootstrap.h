// How sure a fit is: the same search repeated on resampled runs, under a named scheme. The scheme decides what is taken
// as exchangeable, and moves the answer more than anything else; every interval therefore carries its name.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "isoflop/estimate.h"
#include "isoflop/fits/chinchilla_fit.h"

namespace isoflop::fits {

enum class Scheme {  ///< What a resample takes as exchangeable.
  Pairs,              ///< runs are independent draws of (N, D, L): resample whole runs
  Bayesian,           ///< the same, by exponential weights instead of counts (Rubin 1981)
  ClusterBySize,      ///< runs of one model size share an error: resample sizes (ln N split at gaps > 0.01)
  ClusterByBudget,    ///< the same by compute budget (ln C split at gaps > 0.05)
  ClusterByFamily,    ///< the same by the `family` column
  Wild,               ///< sizes are fixed, errors of any spread: flip the signs of residuals (Rademacher)
  WildClusterBySize,  ///< one sign for all runs of a model size
  Residual,           ///< errors identically distributed: draw median-centred residuals
};

const std::vector<Scheme>& all_schemes();  ///< In the order of `--help`.
std::string scheme_name(Scheme scheme);         ///< for options: "pairs", "cluster-size", ...
std::string scheme_description(Scheme scheme);  ///< for people: "cluster by model size"
Scheme scheme_from_name(const std::string& name);

struct BootstrapOptions {  ///< What is resampled, how often, and how each resample is fitted.
  Scheme scheme = Scheme::Pairs;
  std::size_t replicates = 1000;
  std::uint64_t seed = 42;
  int threads = 0;
  bool global_search = true;  ///< a search of its own in every replicate; otherwise Newton from `start`
  /// Where Newton starts without a global search; the fit itself when absent.
  std::optional<ChinchillaLaw> start;
};

/// Empty when the scheme can be used on these runs, otherwise what it lacks ("no run names a family").
std::string scheme_problem(const RunTable& runs, Scheme scheme);
/// Groups that move together under the scheme; every run its own where it has none.
std::vector<std::size_t> scheme_groups(const RunTable& runs, Scheme scheme);

/// Fits `replicates` resamples of `runs`. Results do not depend on `threads`.
/// Throws Error (Usage) when scheme_problem() is not empty.
Draws bootstrap(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options,
                const BootstrapOptions& bootstrap_options);

/// Leaves out one group at a time (`groups[i]` of run i): the laws fitted to the rest, in the order of the groups.
Draws jackknife(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options,
                const std::vector<std::size_t>& groups, int threads = 0);

using Functional = std::function<double(const ChinchillaLaw&)>;

/// Estimate plus and minus the normal quantile times the standard deviation of the draws; of ln f, and back, where
/// `logarithmic`. With clusters by model size its coverage was closest to nominal under every kind of error tried
/// (tests/fits/coverage_test.cc).
FittedValue normal_interval(const Draws& draws, const ChinchillaLaw& law, const Functional& f, double level,
                            bool logarithmic = false);
/// Percentile interval at `level` with the standard deviation of the draws as standard error; NaN bounds when fewer
/// than 20 draws give a finite value.
FittedValue percentile_interval(const Draws& draws, const ChinchillaLaw& law, const Functional& f, double level);
/// Bias-corrected and accelerated (Efron 1987), acceleration from the jackknife.
FittedValue bca_interval(const Draws& draws, const Draws& jackknife, const ChinchillaLaw& law, const Functional& f,
                         double level);
/// Jackknife standard error sqrt((n-1)/n sum (f_i - mean)^2) and its Student t interval.
FittedValue jackknife_interval(const Draws& jackknife, const ChinchillaLaw& law, const Functional& f, double level);

}  // namespace isoflop::fits
