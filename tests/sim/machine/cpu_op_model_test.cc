#include "isoflop/sim/machine/cpu_op_model.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/model/op_cost.h"
#include "isoflop/random.h"
#include "isoflop/sim/kernel/streamed_weights.h"
#include "isoflop/sim/machine/machine_calibration.h"
#include "isoflop/sim/machine/machine_profile.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const LimitValues limits{100e9, 200e9, 400e9, {1e4, 1e6, 1e8}, {200e9, 100e9, 30e9}};

CpuConstants true_constants() {
  CpuConstants c;
  c.t_call = 3e-7;
  c.t_row = 5e-9;
  c.t_item = 1e-10;
  c.t_pack = 4e-10;
  c.e_f = 0.85;
  c.e_b = 0.6;
  return c;
}

// Products of many shapes, with times from the formula and noise of a few percent.
std::vector<MeasuredWork> synthetic(double noise) {
  std::vector<MeasuredWork> rows;
  Random random(7);
  const ExecutionStyle style{Precision::Fp32, false, WeightFormat::Fp32};
  for (int i = 0; i < 60; ++i) {
    const auto m = static_cast<std::int64_t>(1 + random.index(600)),
               n = static_cast<std::int64_t>(1 + random.index(900)),
               k = static_cast<std::int64_t>(1 + random.index(700));
    Op op;
    op.detail = MatMul{m, n, k, false, Split::None};
    MeasuredWork row{works_of(op, WorkPass::Forward, style).front(), "probe " + std::to_string(i % 12), 0};
    row.seconds = cpu_seconds(row.work, limits, true_constants()) * std::exp(noise * random.normal());
    rows.push_back(row);
  }
  return rows;
}

MachineProfile small_profile() {
  MachineProfile profile;
  profile.processor = "test";
  profile.instruction_set = "avx512";
  profile.threads = 2;
  profile.one = profile.all = limits;
  profile.thread_start_s = 1e-5;
  profile.ops = fit_cpu_ops(synthetic(0.03), limits, 42, 1);
  profile.checks.push_back({"training step", "2 x 64", "16 x 128 tokens, fp32", 1, 0.03, 0.031, 0.028, 0.034, 0.01});
  return profile;
}

}  // namespace

TEST_CASE("calibration recovers the constants that synthetic operation times were made with") {
  const auto fits = fit_cpu_ops(synthetic(0), limits, 42, 1);
  REQUIRE(fits.size() == 1);
  const CpuOpFit& fit = fits.at("product fp32");
  CHECK(fit.in_sample_mape < 1);
  CHECK(fit.cross_validated_mape < 1.5);
  const CpuConstants truth = true_constants();
  CHECK(std::fabs(fit.constants.e_f / truth.e_f - 1) < 0.02);
  // Tiles are mostly whole, so that time per tile and per element of a tile (14 x 32) show together.
  const auto per_tile = [](const CpuConstants& c) { return c.t_row + 14 * 32 * c.t_item; };
  CHECK(std::fabs(per_tile(fit.constants) / per_tile(truth) - 1) < 0.15);
  for (const auto& row : synthetic(0))
    CHECK(std::fabs(cpu_seconds(row.work, limits, fit.constants) / row.seconds - 1) < 0.05);
}

TEST_CASE("noise in operation times shows in the error on probes left out and in the interval") {
  const auto fit = fit_cpu_ops(synthetic(0.10), limits, 42, 1).at("product fp32");
  CHECK(fit.cross_validated_mape > 4);
  CHECK(fit.cross_validated_mape < 16);
  CHECK(fit.interval.low < 0.95);
  CHECK(fit.interval.high > 1.05);
  CHECK(std::fabs(fit.constants.e_f / true_constants().e_f - 1) < 0.1);
}

TEST_CASE("the fit does not depend on the number of threads") {
  const auto one = fit_cpu_ops(synthetic(0.05), limits, 42, 1).at("product fp32"),
             two = fit_cpu_ops(synthetic(0.05), limits, 42, 2).at("product fp32");
  CHECK(one.constants.e_f == two.constants.e_f);
  CHECK(one.interval.high == two.interval.high);
}

TEST_CASE("a kind with two rows gets one constant instead of a failure") {
  std::vector<MeasuredWork> rows(2);
  for (std::size_t i = 0; i < 2; ++i) {
    rows[i].work.kind = "gelu";
    rows[i].work.items = rows[i].work.flop = rows[i].work.tile_flop = 1e6 * static_cast<double>(i + 1);
    rows[i].group = "one";
    rows[i].seconds = 5e-4 * static_cast<double>(i + 1);
  }
  const auto fit = fit_cpu_ops(rows, limits, 42, 1).at("gelu");
  CHECK(fit.fitted.size() == 1);
  CHECK(agrees(fit.constants.t_item, 5e-10, 1.5));
}

TEST_CASE("no work is priced faster than the multiply-add peak allows") {
  CpuConstants free;
  free.e_f = 1;
  CpuWork work;
  work.flop = 1e9;
  work.tile_flop = 1e6;  // a wrong count must not help
  CHECK(cpu_seconds(work, limits, free) >= 0.01);
}

TEST_CASE("works count the same arithmetic as the op list's own cost") {
  const Architecture a = plain_model(2, 96, 4, 2, 200);
  const Program program = forward(a, Step::train(3, 70));
  const ExecutionStyle style{Precision::Bf16, false, WeightFormat::Fp32};
  double ours_forward = 0, ours_backward = 0, exact = 0;
  for (const Op& op : program.ops) {
    if (!std::holds_alternative<MatMul>(op.detail)) continue;
    exact += cost(op, Pass::Forward).matmul_flops;
    for (const auto& w : works_of(op, WorkPass::Forward, style)) ours_forward += w.flop;
    for (const auto pass : {WorkPass::Backward, WorkPass::WeightGradient})
      for (const auto& w : works_of(op, pass, style)) ours_backward += w.flop;
  }
  CHECK(ours_forward == exact);
  CHECK(ours_backward == 2 * exact);
  for (const Op& op : program.ops)
    if (std::holds_alternative<AttentionCore>(op.detail)) {
      CHECK(works_of(op, WorkPass::Forward, style).front().flop == cost(op, Pass::Forward).matmul_flops);
      const auto back = works_of(op, WorkPass::Backward, style).front();
      CHECK(back.flop == cost(op, Pass::Backward).matmul_flops + cost(op, Pass::ScoresAgain).matmul_flops);
      CHECK(back.tile_flop > back.flop);
    }
  double weights = 0;
  const WeightLayout layout(program);
  for (const auto& place : layout.places()) weights += static_cast<double>(place.count);
  CHECK(weight_elements(program) == weights);
}

TEST_CASE("decode works read every stored weight once, and all of them are the working set") {
  const Architecture a = plain_model(2, 128, 4, 2, 320);
  const auto layout = WeightLayout(forward(a, Step::train(1, 1)));
  std::vector<float> values(layout.count(), 0.5f);
  for (const auto format : {WeightFormat::Fp32, WeightFormat::Bf16, WeightFormat::Int8, WeightFormat::Int4}) {
    const StreamedWeights stored(layout, values.data(), format, 1);
    double bytes = 0;
    for (const auto& w : decode_works(forward(a, Step::decode(1, 10)), format))
      if (w.kind.rfind("stream", 0) == 0) {
        bytes += w.bytes;
        CHECK(w.working_set == static_cast<double>(stored.bytes()));
      }
    CHECK(bytes == static_cast<double>(stored.bytes()));
  }
}

TEST_CASE("a profile read back predicts the same") {
  const MachineProfile profile = small_profile();
  const MachineProfile again = machine_profile_from(parse_json(to_json(to_value(profile)), "profile"));
  const Architecture a = plain_model(3, 160, 5, 5, 300);
  for (const int threads : {1, 2}) {
    const auto p = predict_training_step(profile, a, 8, 64, Precision::Fp32, threads),
               q = predict_training_step(again, a, 8, 64, Precision::Fp32, threads);
    CHECK(p.seconds == q.seconds);
    CHECK(p.low_s == q.low_s);
    CHECK(p.low_s < p.seconds);
    CHECK(p.seconds < p.high_s);
    CHECK(p.unknown == q.unknown);
    CHECK_FALSE(p.unknown.empty());  // only products were calibrated
  }
  CHECK(again.checks.size() == 1);
  CHECK(again.checks.front().settings == profile.checks.front().settings);
}

TEST_CASE("two threads share the shards of a step and take about half as long") {
  const MachineProfile profile = small_profile();
  const Architecture a = plain_model(3, 160, 5, 5, 300);
  const double one = predict_training_step(profile, a, 8, 64, Precision::Fp32, 1).seconds,
               two = predict_training_step(profile, a, 8, 64, Precision::Fp32, 2).seconds;
  CHECK(two > 0.5 * one);
  CHECK(two < 0.6 * one);
}

TEST_CASE("what is no profile is refused") {
  for (const char* text : {"{}", "[]", "{\"schema\": \"isoflop.machine/2\"}", "{\"schema\": \"isoflop.machine/1\"}"})
    CHECK_THROWS_AS(machine_profile_from(parse_json(text, "p")), Error);
  Value broken = to_value(small_profile());
  broken["one_thread"]["fp32_flop_per_s"] = Value(-1.0);
  CHECK_THROWS_AS(machine_profile_from(broken), Error);
}

TEST_CASE("operations of a pass are timed one by one and none is left out") {
  const Architecture a = plain_model(1, 64, 2, 2, 64);
  const auto rows = measure_training_ops(a, 2, 64, Precision::Fp32, 1, 1);
  std::size_t products = 0;
  for (const auto& row : rows) {
    CHECK(row.seconds > 0);
    if (row.work.kind == "product of activations fp32") ++products;
  }
  CHECK(products >= 4);  // queries with keys and values, output, gate with up, down; the head
}
