// Golden values: tightly converged Newton on the same 7-digit table by an independent program (2024 replication of
// Hoffmann's approach 3); the published optimum of the full-precision figure data agrees to 5-6 digits.
#include "isoflop/fits/chinchilla_fit.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::fits;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

const RunTable& all_runs() {
  static const RunTable runs = open_runs("chinchilla");
  return runs;
}

const RunTable& kept_runs() {
  static const RunTable runs = all_runs().excluding_highest(5);
  return runs;
}

// A grid of sizes and token counts with the law's own losses times exp(noise).
RunTable simulated(const ChinchillaLaw& law, double noise = 0, std::uint64_t seed = 1) {
  Random random(seed);
  std::vector<Run> runs;
  for (double params : {3e7, 1e8, 3e8, 1e9, 3e9, 1e10})
    for (double ratio : {0.5, 2.0, 8.0, 32.0, 128.0}) {
      Run run;
      run.params = params * random.uniform(0.9, 1.1);
      run.tokens = params * ratio;
      run.loss = law.loss(run.params, run.tokens) * std::exp(noise * random.normal());
      runs.push_back(run);
    }
  return RunTable(std::move(runs));
}

}  // namespace

TEST_CASE("the 240 runs have their optimum where the reference found it, to 1e-13") {
  const auto fit = fit_chinchilla(kept_runs());
  CHECK(std::fabs(fit.objective - 0.0010182755751330) <= 1e-13 * 1e-3);
  CHECK(agrees(fit.law.A, 477.821166, 9));
  CHECK(agrees(fit.law.B, 2143.451679, 9));
  CHECK(agrees(fit.law.E, 1.817218, 6.5));
  CHECK(agrees(fit.theta[0], 6.1692365328, 10.5));
  CHECK(agrees(fit.theta[1], 7.6701727426, 10.5));
  CHECK(agrees(fit.theta[2], 0.5973069173, 9.8));
  CHECK(agrees(fit.law.alpha, 0.3473099025, 9.8));
  CHECK(agrees(fit.law.beta, 0.3671732530, 9.8));
  CHECK(agrees(fit.law.exponent_a(), 0.513901, 6));
  CHECK(status_name(fit.status) == "certified");
  CHECK(fit.starts_agreeing == fit.starts_tried);
  CHECK(fit.gradient_relative < 1e-12);
  REQUIRE(fit.hessian_eigenvalues.size() == 5);
  const double eigenvalues[] = {1.005e-4, 1.875e-4, 0.9317, 37.03, 993.6};
  for (std::size_t i = 0; i < 5; ++i) CHECK(agrees(fit.hessian_eigenvalues[i], eigenvalues[i], 3));
}

TEST_CASE("tokens taken from the FLOP column give the reference's other optimum") {
  RunColumns columns;
  columns.tokens_from_flops = true;
  const auto fit = fit_chinchilla(open_runs("chinchilla", columns).excluding_highest(5));
  CHECK(agrees(fit.objective, 0.0010182755480096, 13));
  CHECK(agrees(fit.law.alpha, 0.3473099535, 9.8));
}

TEST_CASE("all 245 runs have their own optimum") {
  const auto fit = fit_chinchilla(all_runs());
  CHECK(agrees(fit.objective, 0.0018260106379844, 13));
  CHECK(agrees(fit.law.B, 12845.723981, 9));
  CHECK(agrees(fit.law.beta, 0.4530497204, 9.8));
}

TEST_CASE("every Huber threshold from least absolute deviations to least squares gives the reference's row") {
  // Rows of the full-precision file; the 7-digit file shares 5 to 6 digits.
  struct Row {
    double delta, A, B, E, alpha, beta, objective, digits;
  };
  for (const Row& row : {Row{1e-6, 481.93, 2085.0, 1.81684, .347804, .365844, 1.129376218e-6, 5},
                         Row{1e-4, 478.69, 2065.4, 1.81582, .347409, .365385, 1.1178e-4, 4.3},
                         Row{1e-2, 538.75, 2905.6, 1.83808, .354416, .381538, .004696224883, 5.5},
                         Row{infinity, 593.322, 4875.638, 1.864550, .360253, .405883, .005730943496, 6}}) {
    CAPTURE(row.delta);
    ChinchillaOptions options;
    options.delta = row.delta;
    const auto fit = fit_chinchilla(kept_runs(), options);
    CHECK(fit.status == FitStatus::Certified);
    CHECK(agrees(fit.objective, row.objective, row.digits));
    CHECK(agrees(fit.law.A, row.A, 4.2));
    CHECK(agrees(fit.law.B, row.B, 4));
    CHECK(agrees(fit.law.E, row.E, 5));
    CHECK(agrees(fit.law.alpha, row.alpha, 5));
    CHECK(agrees(fit.law.beta, row.beta, 5));
  }
}

TEST_CASE("squared error on the raw loss reproduces the other solver's residual sum of squares") {
  ChinchillaOptions options;
  options.residual = Residual::RawLoss;
  options.delta = infinity;
  const auto fit = fit_chinchilla(kept_runs(), options);
  CHECK(agrees(2 * fit.objective, .08320381, 5));
  CHECK(agrees(fit.law.A, 567.805, 5));
  CHECK(agrees(fit.law.beta, .427621, 5));
}

TEST_CASE("the coupled form finds its exponent below one") {
  ChinchillaOptions options;
  options.coupled = true;
  const auto fit = fit_chinchilla(kept_runs(), options);
  CHECK(fit.status == FitStatus::Certified);
  CHECK(agrees(fit.objective, 0.0009541845, 5));
  CHECK(agrees(fit.law.k, .7741, 4));
  CHECK(agrees(fit.law.alpha, .42436, 4.5));
  CHECK(agrees(fit.law.beta, .43053, 4.5));
  CHECK(agrees(fit.law.E, 1.7571, 4.5));
  CHECK(agrees(fit.law.exponent_a(), .5036, 4));
}

TEST_CASE("the objective of Hoffmann's constants is what others evaluate it to") {
  const ChinchillaLaw unrounded{std::exp(.5267228), std::exp(6.0073404), std::exp(6.0179186), .33917084, .2849083};
  const ChinchillaLaw rounded{1.69, 406.4, 410.7, .34, .28};
  CHECK(agrees(chinchilla_objective(kept_runs(), unrounded), 0.00123116207421, 11.4));
  CHECK(agrees(chinchilla_objective(all_runs(), unrounded), .00232335020403, 11.5));
  CHECK(agrees(chinchilla_objective(kept_runs(), rounded), .00412101274612, 11.5));
  CHECK(agrees(chinchilla_objective(all_runs(), rounded), .00501798695089, 11.5));
}

TEST_CASE("no nearby law has a lower objective, in any form") {
  ChinchillaOptions coupled, tied, asymmetric, raw;
  coupled.coupled = true;
  tied.tied_exponents = true;
  asymmetric.overestimate_penalty = 10;
  raw.residual = Residual::RawLoss;
  for (const auto& options : {ChinchillaOptions{}, coupled, tied, asymmetric, raw}) {
    const auto fit = fit_chinchilla(kept_runs(), options);
    CHECK(fit.status == FitStatus::Certified);
    CHECK(agrees(chinchilla_objective(kept_runs(), fit.law, options), fit.objective, 11));
    Random random(3);
    for (int trial = 0; trial < 200; ++trial) {
      const auto nearby = [&random](double x) { return x * (1 + 1e-3 * random.normal()); };
      ChinchillaLaw other{nearby(fit.law.E),     nearby(fit.law.A),    nearby(fit.law.B),
                          nearby(fit.law.alpha), nearby(fit.law.beta), options.coupled ? nearby(fit.law.k) : 1};
      if (options.tied_exponents) other.beta = other.alpha;
      CHECK(chinchilla_objective(kept_runs(), other, options) >= fit.objective);
    }
  }
}

TEST_CASE("noise-free runs give the law back to nine digits") {
  for (const ChinchillaLaw& law :
       {ChinchillaLaw{1.69, 406.4, 410.7, .34, .28}, ChinchillaLaw{1.8172, 482.01, 2085.43, .3478, .3658},
        ChinchillaLaw{0.5, 30, 9e4, .15, .55}, ChinchillaLaw{2.5, 5e4, 60, .6, .2}}) {
    CAPTURE(law.alpha);
    const auto fit = fit_chinchilla(simulated(law));
    CHECK(fit.status == FitStatus::Certified);
    CHECK(agrees(fit.law.E, law.E, 9));
    CHECK(agrees(fit.law.A, law.A, 9));
    CHECK(agrees(fit.law.B, law.B, 9));
    CHECK(agrees(fit.law.alpha, law.alpha, 9));
    CHECK(agrees(fit.law.beta, law.beta, 9));
  }
  ChinchillaOptions options;
  options.coupled = true;
  const ChinchillaLaw law{1.757, 2305, 9957, .4244, .4305, .7741};
  const auto fit = fit_chinchilla(simulated(law), options);
  CHECK(agrees(fit.law.k, law.k, 9));
  CHECK(agrees(fit.law.A, law.A, 9));
  CHECK(agrees(fit.law.E, law.E, 9));
}

TEST_CASE("losses that fall below any floor put the law at its bound, and the status says so") {
  const auto fit = fit_chinchilla(simulated({-0.5, 30, 40, .1, .12}));
  CHECK(fit.status == FitStatus::AtBound);
  CHECK(fit.law.E == 0);
  CHECK(fit.reason.find("E = 0") != std::string::npos);
  ChinchillaOptions options;
  options.fixed_E = 0;
  const auto exact = fit_chinchilla(simulated({0, 30, 40, .1, .12}), options);
  CHECK(exact.status == FitStatus::Certified);
  CHECK(agrees(exact.law.alpha, .1, 9));
}

TEST_CASE("a weight of two is the run counted twice, and of zero the run left out") {
  auto runs = simulated({1.8, 480, 2000, .35, .37}, 0.01).runs();
  auto doubled = runs, weighted = runs;
  doubled.push_back(runs[3]);
  doubled.erase(doubled.begin() + 7);
  weighted[3].weight = 2;
  weighted[7].weight = 0;
  const auto a = fit_chinchilla(RunTable(doubled)), b = fit_chinchilla(RunTable(weighted));
  CHECK(agrees(a.objective, b.objective, 13));
  CHECK(agrees(a.law.alpha, b.law.alpha, 11));
}

TEST_CASE("runs that cannot determine the law get a reason instead of numbers") {
  const ChinchillaLaw law{1.8, 480, 2000, .35, .37};
  std::vector<Run> one_size, frontier, few;
  for (int i = 0; i < 20; ++i) {
    Run run;
    run.params = 1e9;
    run.tokens = 1e9 * (i + 1);
    run.loss = law.loss(run.params, run.tokens);
    one_size.push_back(run);
    run.params = 1e8 * (i + 1);
    run.tokens = 20 * run.params;
    run.loss = law.loss(run.params, run.tokens);
    frontier.push_back(run);
    if (i < 4) few.push_back(run);
  }
  const auto reason_of = [](const std::vector<Run>& runs) {
    const auto fit = fit_chinchilla(RunTable(runs));
    CHECK(fit.status == FitStatus::NotIdentified);
    return fit.reason;
  };
  CHECK(reason_of(one_size).find("1 distinct model size") != std::string::npos);
  CHECK(reason_of(frontier).find("cannot be told apart") != std::string::npos);
  CHECK(reason_of(few) == "4 runs cannot determine 5 parameters");
}

TEST_CASE("ten thousand runs of all sizes give the law back") {
  Random random(8);
  const ChinchillaLaw law{1.8, 480, 2000, .35, .37};
  std::vector<Run> runs(10000);
  for (Run& run : runs) {
    run.params = std::exp(random.uniform(17, 24));
    run.tokens = run.params * std::exp(random.uniform(-1, 5));
    run.loss = law.loss(run.params, run.tokens);
  }
  const auto fit = fit_chinchilla(RunTable(runs));
  CHECK(fit.status == FitStatus::Certified);
  CHECK(agrees(fit.law.alpha, law.alpha, 9));
  CHECK(agrees(fit.law.B, law.B, 8));
}

TEST_CASE("the fit does not depend on the number of threads") {
  ChinchillaOptions one, three;
  one.threads = 1;
  three.threads = 3;
  const auto a = fit_chinchilla(kept_runs(), one), b = fit_chinchilla(kept_runs(), three);
  CHECK(a.objective == b.objective);
  CHECK(a.theta == b.theta);
}

TEST_CASE("options out of range are refused") {
  ChinchillaOptions options;
  options.delta = 0;
  CHECK_THROWS_AS(fit_chinchilla(kept_runs(), options), Error);
}
