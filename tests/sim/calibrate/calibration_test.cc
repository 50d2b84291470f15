#include "isoflop/sim/calibrate/calibration.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

// t = t0 + work / rate: a launch time and a throughput, with a third constant that nothing depends on.
struct Line {
  std::vector<double> work;
  CalibrationProblem problem;
};

Line line(std::size_t groups, std::size_t per_group, double t0, double rate, double group_noise, double row_noise,
          std::uint64_t seed) {
  Line result;
  Random random(seed);
  for (std::size_t g = 0; g < groups; ++g) {
    const double shared = group_noise * random.normal();
    for (std::size_t i = 0; i < per_group; ++i) {
      const double work = std::exp(random.uniform(0, 8));
      result.work.push_back(work);
      const double measured = (t0 + work / rate) * std::exp(shared + row_noise * random.normal());
      result.problem.rows.push_back(
          {std::to_string(g) + "-" + std::to_string(i), "g" + std::to_string(g), measured, 1});
    }
  }
  result.problem.constants = {{"t0", "s", "launch", 1, 1e-3, 1e3}, {"rate", "1/s", "throughput", 1, 1e-3, 1e5}};
  return result;
}

void predict_line(Line& data) {
  data.problem.predict = [&data](std::span<const double> v, std::size_t row) { return v[0] + data.work[row] / v[1]; };
}

}  // namespace

TEST_CASE("constants behind noise-free rows are found again to eight digits") {
  auto data = line(10, 8, 5, 20, 0, 0, 1);
  predict_line(data);
  const auto fit = calibrate(data.problem);
  CHECK(fit.converged);
  CHECK(agrees(fit.constants[0].value.estimate, 5, 8));
  CHECK(agrees(fit.constants[1].value.estimate, 20, 8));
  CHECK(fit.in_sample.mape < 1e-5);
  CHECK(fit.groups == 10);
}

TEST_CASE("one row a thousand times off hardly moves the constants") {
  auto data = line(20, 5, 5, 20, 0, 0.02, 2);
  data.problem.rows[7].measured *= 1000;
  predict_line(data);
  const auto fit = calibrate(data.problem);
  CHECK(std::fabs(std::log(fit.constants[0].value.estimate / 5)) < 0.05);
  CHECK(std::fabs(std::log(fit.constants[1].value.estimate / 20)) < 0.05);
}

TEST_CASE("ninety percent intervals cover the truth in nine of ten data sets whose groups share their errors") {
  int inside = 0, total = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    auto data = line(25, 6, 5, 20, 0.1, 0.05, 100 + seed);
    predict_line(data);
    CalibrationOptions options;
    options.starts = 1;
    const auto fit = calibrate(data.problem, options);
    inside += fit.constants[0].value.low <= 5 && 5 <= fit.constants[0].value.high;
    inside += fit.constants[1].value.low <= 20 && 20 <= fit.constants[1].value.high;
    total += 2;
  }
  // Binomial: 400 trials at 0.9 have a standard error of 0.015.
  const double coverage = inside / static_cast<double>(total);
  CHECK(coverage > 0.84);
  CHECK(coverage < 0.96);
}

TEST_CASE("a constant that no row depends on is named as unidentified, and the others keep their errors") {
  auto data = line(10, 8, 5, 20, 0, 0.05, 3);
  data.problem.constants.push_back({"idle", "1", "does nothing", 2, 0.1, 10});
  predict_line(data);
  const auto fit = calibrate(data.problem);
  CHECK(fit.constants[0].identified);
  CHECK(fit.constants[1].identified);
  CHECK_FALSE(fit.constants[2].identified);
  CHECK(std::isnan(fit.constants[2].value.se));
  CHECK(fit.constants[2].reason.find("do not depend") != std::string::npos);
}

TEST_CASE("two constants of which only the product counts are both unidentified") {
  auto data = line(10, 8, 5, 20, 0, 0.05, 4);
  data.problem.constants.push_back({"factor", "1", "multiplies the rate", 1, 1e-3, 1e3});
  data.problem.predict = [&data](std::span<const double> v, std::size_t row) {
    return v[0] + data.work[row] / (v[1] * v[2]);
  };
  const auto fit = calibrate(data.problem);
  CHECK(fit.constants[0].identified);
  CHECK_FALSE(fit.constants[1].identified);
  CHECK_FALSE(fit.constants[2].identified);
}

TEST_CASE("a constant at the end of its range and one held fixed say so") {
  auto data = line(10, 8, 5, 20, 0, 0.01, 5);
  data.problem.constants[0].high = 3;
  data.problem.constants[1] = {"rate", "1/s", "throughput", 20, 20, 20};
  predict_line(data);
  const auto fit = calibrate(data.problem);
  CHECK(agrees(fit.constants[0].value.estimate, 3, 6));
  CHECK(fit.constants[0].reason.find("upper end") != std::string::npos);
  CHECK(fit.constants[1].value.estimate == 20);
  CHECK(fit.constants[1].reason.find("held") != std::string::npos);
}

TEST_CASE("a prior decides where rows say nothing and yields where they speak") {
  auto data = line(10, 8, 5, 20, 0, 0.05, 6);
  data.problem.constants[0].prior_center = 50;
  data.problem.constants[0].prior_log_sd = 1;
  data.problem.constants.push_back({"idle", "1", "does nothing", 2, 0.1, 10, 3, 0.2});
  predict_line(data);
  const auto fit = calibrate(data.problem);
  CHECK(std::fabs(std::log(fit.constants[0].value.estimate / 5)) < 0.1);
  CHECK(agrees(fit.constants[2].value.estimate, 3, 4));
}

TEST_CASE("measured values that are not positive and too few rows are refused") {
  auto data = line(3, 2, 5, 20, 0, 0, 7);
  predict_line(data);
  auto bad = data.problem;
  bad.rows[1].measured = 0;
  CHECK_THROWS_AS(calibrate(bad), Error);
  bad = data.problem;
  bad.rows.resize(1);
  CHECK_THROWS_AS(calibrate(bad), Error);
}
