#include "isoflop/sim/footprint/published.h"

#include <fmt/format.h>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/sim/footprint/mfu_prior.h"
#include "isoflop/statistics.h"
#include "sim/footprint/printed.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const PublishedTable& table() {
  static const PublishedTable loaded = PublishedTable::load();
  return loaded;
}
const AcceleratorCatalogue& devices() {
  static const AcceleratorCatalogue loaded = AcceleratorCatalogue::load();
  return loaded;
}
const PublishedFootprint& row_of(std::string_view model) {
  const auto rows = table().find(model);
  REQUIRE(!rows.empty());
  return *rows.front();
}
Audit audit_of(std::string_view model) { return audit(row_of(model), devices(), table().all()); }

}  // namespace

TEST_CASE("every published row with hours, power and energy closes within 2 %") {
  int closed = 0;
  for (const auto& row : table().all()) {
    const auto a = audit(row, devices(), table().all());
    if (!a.energy_mwh || !row.energy_mwh || !row.power_w_low || row.power_w_low != row.power_w_high) continue;
    CHECK_MESSAGE(agrees(*a.energy_mwh, *row.energy_mwh, 1.69), row.label());
    ++closed;
  }
  CHECK(closed >= 20);
}

TEST_CASE("Llama 3.3 is rejected: 0.0026 kg/kWh, about 160 times below its family") {
  const auto a = audit_of("Llama-3.3-70B");
  CHECK(a.verdict == Verdict::Inconsistent);
  CHECK(printed(*a.implied_kg_per_it_kwh, 4) == "0.0026");
  CHECK(a.findings.front().reason.find("160x below") != std::string::npos);
}

TEST_CASE("DeepSeek-V2's hours per trillion tokens, taken for the total, are impossible; times 8.1 they are not") {
  auto row = row_of("DeepSeek-V2");
  CHECK(audit(row, devices(), table().all()).verdict == Verdict::Consistent);
  row.accelerator_hours = 172800;
  const auto a = audit(row, devices(), table().all());
  CHECK(a.verdict == Verdict::Inconsistent);
  CHECK(*a.implied_mfu > 1);
}

TEST_CASE("only Llama 3.3 is inconsistent, and every TDP x hours row is called circular") {
  for (const auto& row : table().all()) {
    const auto a = audit(row, devices(), table().all());
    CHECK_MESSAGE((a.verdict == Verdict::Inconsistent) == (row.model == "Llama-3.3-70B"), row.label());
    if (row.energy_basis == "tdp_x_hours") CHECK_MESSAGE(a.verdict >= Verdict::Circular, row.label());
  }
}

TEST_CASE("the audit recomputes Llama-2-70B: 688.1 MWh, 291.42 t, PUE x grid 0.4235") {
  const auto a = audit_of("Llama-2-70B");
  CHECK(printed(*a.energy_mwh, 1) == "688.1");
  CHECK(printed(*a.operational_tco2e, 2) == "291.42");
  CHECK(printed(*a.implied_kg_per_it_kwh, 4) == "0.4235");
}

TEST_CASE("a table with a negative figure or no model is refused at its line") {
  CHECK_THROWS_WITH_AS(PublishedTable::from(CsvTable::parse("model,accelerator_hours\nx,-1\n", "t.csv")),
                       doctest::Contains("t.csv:2"), Error);
  CHECK_THROWS_AS(PublishedTable::from(CsvTable::parse("model,accelerator_hours\n,1\n", "t.csv")), Error);
  CHECK_THROWS_AS(PublishedTable::from(CsvTable::parse("accelerator_hours\n1\n", "t.csv")), Error);
}

TEST_CASE("utilisation follows the observed runs and shrinks to the prior without them") {
  const auto prior = MfuPrior::load({}, devices());
  const auto a100 = prior.estimate(devices().require("a100-sxm-80gb"), 1e10);
  const auto h100 = prior.estimate(devices().require("h100-sxm-80gb"), 1e10);
  CHECK(a100.median > 0.30);
  CHECK(a100.median < 0.42);
  CHECK(h100.median > 0.18);
  CHECK(h100.median < 0.28);
  CHECK(prior.estimate(devices().require("h100-sxm-80gb"), 4e11).median > h100.median);
  const auto none = MfuPrior({}).estimate(devices().require("h100-sxm-80gb"), 1e10);
  CHECK(agrees(none.median, 0.32, 12));
  CHECK(none.sigma_ln > h100.sigma_ln);
  const auto unseen = prior.estimate(devices().require("b200-sxm-180gb"), 1e10);
  CHECK(unseen.runs == 0);
  CHECK(unseen.sigma_ln > h100.sigma_ln);
}

TEST_CASE("the posterior of two families equals the normal equations with a dense covariance matrix") {
  // One family of two runs: covariance [[s2+t2, t2], [t2, s2+t2]]; posterior mean at N = 1e10 with slope prior tight.
  const auto& device = devices().require("v100-sxm2-32gb");
  const double peak = *training_peak_flop_per_s(device);
  const auto run = [&](double mfu) {
    return ObservedRun{"m", "f", &device, 1e10, 1e12, 6 * 1e10 * 1e12 / (mfu * peak * 3600)};
  };
  const auto e = MfuPrior({run(0.2), run(0.4)}).estimate(device, 1e10);
  const double s2 = 0.0225, t2 = 0.04, mean = (std::log(0.2) + std::log(0.4)) / 2, noise = s2 / 2 + t2;
  const double expected = (std::log(0.32) / 0.16 + mean / noise) / (1 / 0.16 + 1 / noise);
  CHECK(agrees(e.median, std::exp(expected), 10));
  CHECK(agrees(e.sigma_ln, std::sqrt(1 / (1 / 0.16 + 1 / noise) + s2 + t2), 10));
}

TEST_CASE("the estimate for a sibling is the conditional mean of the dense normal model") {
  // Runs of sizes x = 0, 1 (in ln N) of one family and x = 2 of another; asked: x = 3 of the first family. All in one
  // normal vector with cov = intercept^2 + slope^2 x x' + family^2 [same] + noise^2 [same run].
  const auto& device = devices().require("v100-sxm2-32gb");
  const double peak = *training_peak_flop_per_s(device);
  const double sizes[] = {0, 1, 2}, mfus[] = {0.2, 0.3, 0.5}, asked = 3;
  const char* families[] = {"f", "f", "g"};
  std::vector<ObservedRun> runs;
  for (int i = 0; i < 3; ++i) {
    const double params = 1e10 * std::exp(sizes[i]);
    runs.push_back({"m", families[i], &device, params, 1e12, 6 * params * 1e12 / (mfus[i] * peak * 3600)});
  }
  const auto covariance = [](double x, double y, bool family, bool run) {
    return 0.16 + 0.0016 * x * y + (family ? 0.04 : 0) + (run ? 0.0225 : 0);
  };
  // Gaussian elimination of the observed three; the last column is the asked one, then the residuals.
  double a[3][5], with_asked[3];
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j)
      a[i][j] = covariance(sizes[i], sizes[j], std::string(families[i]) == families[j], i == j);
    with_asked[i] = a[i][3] = covariance(sizes[i], asked, std::string(families[i]) == "f", false);
    a[i][4] = std::log(mfus[i] / 0.32);
  }
  for (int i = 0; i < 3; ++i)
    for (int r = 0; r < 3; ++r)
      if (r != i) {
        const double factor = a[r][i] / a[i][i];
        for (int c = 0; c < 5; ++c) a[r][c] -= factor * a[i][c];
      }
  double mean = std::log(0.32), variance = covariance(asked, asked, true, true);
  for (int i = 0; i < 3; ++i)
    mean += with_asked[i] * a[i][4] / a[i][i], variance -= with_asked[i] * a[i][3] / a[i][i];
  const auto e = MfuPrior(runs).estimate_sibling(device, 1e10 * std::exp(asked), "f");
  CHECK(agrees(e.median, std::exp(mean), 10));
  CHECK(agrees(e.sigma_ln, std::sqrt(variance), 10));
  // The run itself, under whatever name, does not tell about itself; a family without other runs is a new family.
  const auto alone = MfuPrior({runs[0], runs[2]}).estimate_sibling(device, 1.01e10, "f");
  CHECK(agrees(alone.median, MfuPrior({runs[2]}).estimate(device, 1.01e10).median, 12));
}

TEST_CASE("utilisation rises by 3 % a year of the chip's life, in what is learnt and in what is predicted") {
  const auto& device = devices().require("v100-sxm2-32gb");  // of 2017
  const double peak = *training_peak_flop_per_s(device);
  const auto run = [&](double mfu, const char* date) {
    return ObservedRun{"m", "f", &device, 1e10, 1e12, 6 * 1e10 * 1e12 / (mfu * peak * 3600), date};
  };
  const MfuPrior none({});
  const auto undated = none.estimate(device, 1e10), two = none.estimate(device, 1e10, {}, "2019-07-01");
  CHECK(agrees(two.median, undated.median, 12));
  CHECK(agrees(none.estimate(device, 1e10, {}, "2021-07-01").median / undated.median, std::exp(0.06), 12));
  CHECK(none.estimate(device, 1e10, {}, "2021-07-01").sigma_ln > undated.sigma_ln);
  // Before there was the chip, and long after: no claim beyond six years.
  CHECK(agrees(none.estimate(device, 1e10, {}, "2015-01-01").median, undated.median, 12));
  CHECK(agrees(none.estimate(device, 1e10, {}, "2031-01-01").median / undated.median, std::exp(0.12), 12));
  // A run four years in says as much as a slower one two years in.
  const auto late = MfuPrior({run(0.4, "2021-07-01")}).estimate(device, 1e10);
  const auto early = MfuPrior({run(0.4 * std::exp(-0.06), "")}).estimate(device, 1e10);
  CHECK(agrees(late.median, early.median, 12));
  CHECK(agrees(MfuPrior({run(0.4, "2021-07-01")}).estimate_sibling(device, 3e10, "f", "2021-07-01").median,
               MfuPrior({run(0.4 * std::exp(-0.06), "")}).estimate_sibling(device, 3e10, "f").median * std::exp(0.06),
               12));
}

TEST_CASE("device-hours from N, D and chip, without runs of the same family and size: median error at most 15 %") {
  const auto prior = MfuPrior::load({}, devices());
  std::vector<double> errors;
  for (const auto& run : prior.runs()) {
    const auto mfu = prior.estimate_sibling(*run.device, run.params_active, run.family, run.release_date);
    errors.push_back(std::fabs(run.mfu() / mfu.median - 1));
  }
  CHECK(errors.size() >= 28);
  CHECK(median(errors) <= 0.15);
}

TEST_CASE("device-hours from N, D and chip, leaving out the run's whole family: median error and coverage") {
  const auto prior = MfuPrior::load({}, devices());
  std::vector<double> errors, a100;
  int covered = 0;
  for (const auto& run : prior.runs()) {
    const auto mfu = prior.estimate(*run.device, run.params_active, {run.family}, run.release_date);
    const double hours =
        device_hours_6nd(run.params_active, run.tokens, *training_peak_flop_per_s(*run.device), mfu.median);
    errors.push_back(std::fabs(hours / run.device_hours - 1));
    if (run.device->id.starts_with("a100")) a100.push_back(errors.back());
    covered += std::fabs(std::log(hours / run.device_hours)) < 1.645 * mfu.sigma_ln;
  }
  const double n = static_cast<double>(errors.size());
  MESSAGE("n = ", n, ", median error ", 100 * median(errors), " %, A100 ", 100 * median(a100), " %, coverage ",
          covered / n);
  CHECK(errors.size() >= 28);
  CHECK(median(errors) <= 0.15);
  CHECK(median(a100) < 0.15);
  CHECK(covered / n > 0.85);
}
