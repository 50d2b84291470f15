#include "isoflop/fits/kernel/resample.h"

#include <algorithm>
#include <cmath>

#include "isoflop/fits/identifiability.h"
#include "isoflop/statistics.h"

namespace isoflop::fits::kernel {

Resampler::Resampler(const RunTable& runs, const ChinchillaFit& fit, const ChinchillaOptions& options, Scheme scheme,
                     const PreparedRuns& prepared)
    : scheme_(scheme),
      prepared_(prepared),
      raw_(options.residual == Residual::RawLoss),
      groups_(scheme_groups(runs, scheme)),
      group_count_(group_count(groups_)),
      residuals_(fit.residuals) {
  for (const Run& run : runs.runs()) predicted_.push_back(fit.law.loss(run.params, run.tokens));
  if (scheme == Scheme::Residual) {
    const double center = median(residuals_);
    for (double& r : residuals_) r -= center;
  }
}

Resample Resampler::draw(Random& random) const {
  Resample sample(prepared_);
  const std::size_t n = prepared_.size();
  switch (scheme_) {
    case Scheme::Pairs:
    case Scheme::ClusterBySize:
    case Scheme::ClusterByBudget:
    case Scheme::ClusterByFamily: {
      std::vector<double> count(group_count_, 0);
      for (std::size_t g = 0; g < group_count_; ++g) count[random.index(group_count_)] += 1;
      for (std::size_t i = 0; i < n; ++i) sample.weight[i] *= count[groups_[i]];
      break;
    }
    case Scheme::Bayesian: {
      double sum = 0;
      std::vector<double> share(n);
      for (double& s : share) sum += s = random.exponential();
      for (std::size_t i = 0; i < n; ++i) sample.weight[i] *= share[i] * static_cast<double>(n) / sum;
      break;
    }
    case Scheme::Wild:
    case Scheme::WildClusterBySize: {
      std::vector<double> sign(group_count_);
      for (double& s : sign) s = random.coin() ? 1 : -1;
      for (std::size_t i = 0; i < n; ++i) set_loss(sample, i, sign[groups_[i]] * residuals_[i]);
      break;
    }
    case Scheme::Residual:
      for (std::size_t i = 0; i < n; ++i) set_loss(sample, i, residuals_[random.index(n)]);
      break;
  }
  return sample;
}

// The loss whose residual against the fitted law is `residual`; kept positive where losses are perturbed additively.
void Resampler::set_loss(Resample& sample, std::size_t i, double residual) const {
  sample.loss[i] =
      raw_ ? std::max(predicted_[i] - residual, 1e-3 * predicted_[i]) : predicted_[i] * std::exp(-residual);
  sample.inverse_loss[i] = 1 / sample.loss[i];
}

}  // namespace isoflop::fits::kernel
