// Whether nominal 90 % intervals cover 90 % of known truths. Losses of a known law on the sizes and token counts of the
// 240 runs, with three kinds of error; what each scheme covers is what docs and warnings say about it.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>

#include "fits/fitted_runs.h"
#include "isoflop/parallel.h"

using namespace isoflop;
using namespace isoflop::fits;

namespace {

enum class Errors { Even, Uneven, SharedBySize };

RunTable simulated(Errors errors, std::uint64_t trial) {
  Random random(777, trial);
  const auto groups = scheme_groups(kept_runs(), Scheme::ClusterBySize);
  std::vector<double> shared(kept_runs().size());
  for (double& e : shared) e = random.normal();
  auto runs = kept_runs().runs();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    double error = 0.006 * random.normal();
    if (errors == Errors::Uneven) error *= 2 * std::exp(-0.3 * std::log10(runs[i].compute_flop() / 1e18));
    if (errors == Errors::SharedBySize) error = 0.75 * error + 0.004 * shared[groups[i]];
    runs[i].loss = known_law.loss(runs[i].params, runs[i].tokens) * std::exp(error);
  }
  return RunTable(std::move(runs));
}

using Interval = std::function<FittedValue(const Draws&, const ChinchillaLaw&, const Functional&)>;

// Share of trials whose interval holds the truth, for alpha, beta, E and a.
std::vector<double> coverage(Errors errors, Scheme scheme, const Interval& interval, std::size_t trials) {
  const Functional functionals[] = {alpha_of, beta_of, floor_of, a_of};
  std::vector<std::array<int, 4>> hit(trials);
  parallel_for(trials, 0, [&](std::size_t t) {
    const RunTable runs = simulated(errors, t);
    ChinchillaOptions options;
    options.threads = 1;
    const auto fit = fit_chinchilla(runs, options);
    BootstrapOptions settings;
    settings.scheme = scheme;
    settings.replicates = 199;
    settings.seed = t;
    settings.threads = 1;
    settings.global_search = false;
    const auto draws = bootstrap(runs, fit, options, settings);
    for (std::size_t q = 0; q < 4; ++q) {
      const auto value = interval(draws, fit.law, functionals[q]);
      const double truth = functionals[q](known_law);
      hit[t][q] = value.low <= truth && truth <= value.high ? 1 : 0;
    }
  });
  std::vector<double> share(4, 0);
  for (const auto& one : hit)
    for (std::size_t q = 0; q < 4; ++q) share[q] += one[q] / static_cast<double>(trials);
  return share;
}

const Interval percentile = [](const Draws& draws, const ChinchillaLaw& law, const Functional& f) {
  return percentile_interval(draws, law, f, 0.9);
};
const Interval normal = [](const Draws& draws, const ChinchillaLaw& law, const Functional& f) {
  return normal_interval(draws, law, f, 0.9);
};

}  // namespace

TEST_SUITE("slow") {
  TEST_CASE("clusters by model size with normal intervals cover 87 to 93 % whatever the errors") {
    for (const auto errors : {Errors::Even, Errors::Uneven, Errors::SharedBySize}) {
      const auto share = coverage(errors, Scheme::ClusterBySize, normal, 600);
      for (std::size_t q = 0; q < 4; ++q) {
        CAPTURE(static_cast<int>(errors));
        CAPTURE(q);
        CHECK(share[q] >= 0.87);
        CHECK(share[q] <= 0.93);
      }
    }
  }

  TEST_CASE("schemes that take runs for independent fail where sizes share an error, wild ones everywhere") {
    // alpha is what shared errors of a size disturb most.
    CHECK(coverage(Errors::SharedBySize, Scheme::Pairs, percentile, 200)[0] < 0.82);
    CHECK(coverage(Errors::SharedBySize, Scheme::Residual, percentile, 200)[0] < 0.75);
    CHECK(coverage(Errors::SharedBySize, Scheme::Wild, percentile, 200)[0] < 0.72);
    CHECK(coverage(Errors::SharedBySize, Scheme::WildClusterBySize, percentile, 200)[0] < 0.88);
    const auto even = coverage(Errors::Even, Scheme::Pairs, percentile, 200);
    for (double share : even) CHECK(share > 0.87);
  }
}
