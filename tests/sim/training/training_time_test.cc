#include "isoflop/sim/training/training_time.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/sim/training/layout_search.h"
#include "isoflop/sim/training/training_simulation.h"
#include "runs.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {
TrainingConstants perfect() {
  TrainingConstants c;
  for (const TrainingConstantInfo& info : training_constant_list()) c.*info.member = 1;
  c.half_breadth = c.start_s = c.expert_start_s = c.straggling = 0;
  return c;
}
double seconds(const TrainingRun& run, const TrainingConstants& c) {
  return training_time(training_work(run), peaks_of(run.accelerator, run.precision), c).step_s;
}
double part(const TrainingTime& time, TrainingPart which) {
  for (const auto& [p, s] : time.parts)
    if (p == which) return s;
  return 0;
}
}  // namespace

TEST_CASE("parts of a step add up to it") {
  Layout l;
  l.data = 16;
  l.tensor = 4;
  l.pipeline = 8;
  const TrainingRun run = test::training_run("llama-3-70b", "h100-sxm-80gb", l, 256);
  const TrainingTime t =
      training_time(training_work(run), peaks_of(run.accelerator, run.precision), TrainingConstants{});
  double sum = 0;
  for (const auto& [p, s] : t.parts) sum += s;
  CHECK(agrees(sum, t.step_s, 12));
}

TEST_CASE("with perfect efficiencies no run is faster than its arithmetic at peak") {
  const TrainingRun run = test::training_run("llama-3-8b", "h100-sxm-80gb", Layout{}, 64);
  const TrainingWork w = training_work(run);
  const double step = seconds(run, perfect());
  CHECK(step > w.hardware_flops / 989e12);
  CHECK(step < 1.2 * w.hardware_flops / 989e12);
}

TEST_CASE("the pipeline bubble is (p - 1)/(v m) of the ideal time") {
  Layout l;
  l.pipeline = 4;
  for (const std::int64_t v : {1, 2})
    for (const double batch : {8.0, 32.0}) {
      l.interleave = v;
      const TrainingRun run = test::training_run("llama-3-8b", "h100-sxm-80gb", l, batch);
      const TrainingTime t =
          training_time(training_work(run), peaks_of(run.accelerator, run.precision), TrainingConstants{});
      const double compute = part(t, TrainingPart::Gemm) + part(t, TrainingPart::Attention) +
                             part(t, TrainingPart::Elements) + part(t, TrainingPart::Starts) +
                             part(t, TrainingPart::Pipeline);
      CHECK(agrees(part(t, TrainingPart::Bubble), compute * 3 / (static_cast<double>(v) * batch), 12));
    }
}

TEST_CASE("Arctic's expert messages hide behind attention and the dense MLP; DBRX's do not") {
  Layout l;
  l.data = 64;
  l.expert = 64;
  const TrainingRun arctic = test::training_run("arctic", "h100-sxm-80gb", l, 64);
  const TrainingTime hidden =
      training_time(training_work(arctic), peaks_of(arctic.accelerator, arctic.precision), TrainingConstants{});
  l.expert = 16;
  const TrainingRun dbrx = test::training_run("dbrx", "h100-sxm-80gb", l, 64);
  const TrainingTime exposed =
      training_time(training_work(dbrx), peaks_of(dbrx.accelerator, dbrx.precision), TrainingConstants{});
  CHECK(part(hidden, TrainingPart::Expert) == 0);
  CHECK(part(exposed, TrainingPart::Expert) > 0.01 * exposed.step_s);
}

TEST_CASE("a faster network, link, memory or device never slows a run down") {
  Layout l;
  l.data = 32;
  l.tensor = 4;
  l.sharding = Sharding::Zero3;
  const TrainingRun run = test::training_run("llama-3-70b", "h100-sxm-80gb", l, 64);
  const double base = seconds(run, {});
  TrainingRun better = run;
  better.cluster.network_bytes_per_s *= 2;
  CHECK(seconds(better, {}) <= base);
  better = run;
  better.cluster.link_bytes_per_s *= 2;
  CHECK(seconds(better, {}) <= base);
  better = run;
  better.accelerator.bandwidth_bytes_per_s *= 2;
  CHECK(seconds(better, {}) < base);
  better = run;
  *better.accelerator.bf16_flop_per_s *= 2;
  CHECK(seconds(better, {}) < base);
}

TEST_CASE(
    "without sharding, data parallel runs pay no weight gathering, and two tensor-parallel devices are not twice as "
    "slow") {
  Layout l;
  l.data = 8;
  l.tensor = 2;
  l.sharding = Sharding::None;
  const TrainingRun run = test::training_run("llama-3-8b", "h100-sxm-80gb", l, 8);
  const TrainingTime t = training_time(training_work(run), peaks_of(run.accelerator, run.precision), {});
  CHECK(part(t, TrainingPart::Weights) == 0);
  Layout alone;
  alone.data = 8;
  alone.sharding = Sharding::None;
  CHECK(seconds(run, {}) < 0.75 * seconds(test::training_run("llama-3-8b", "h100-sxm-80gb", alone, 8), {}));
}

TEST_CASE("sensitivities to all that scales speed sum to -1 when overheads are fixed shares") {
  Layout l;
  l.data = 8;
  l.sharding = Sharding::None;
  TrainingConstants c;
  c.start_s = c.expert_start_s = 1e-12;
  double sum = 0;
  for (const Sensitivity& s : training_sensitivities(test::training_run("llama-3-8b", "h100-sxm-80gb", l, 8), c))
    if (s.quantity.rfind("constant", 0) != 0) sum += s.elasticity;
  CHECK(std::fabs(sum + 1) < 0.02);
}

TEST_CASE("an accelerator without a peak for the precision is refused") {
  TrainingRun run = test::training_run("llama-3-8b", "a100-sxm-80gb", Layout{}, 1);
  CHECK_THROWS_AS(peaks_of(run.accelerator, TrainingPrecision::Fp8), Error);
}

TEST_CASE("the search returns the fastest of all possible layouts, all of which fit") {
  SearchRequest request;
  request.run = test::training_run("llama-3-8b", "h100-sxm-80gb", Layout{}, 64);
  request.devices = 16;
  request.keep = 100000;
  const SearchResult found = search_layouts(request);
  REQUIRE(found.best.size() == found.fitting);
  CHECK(found.candidates > 50);
  for (const FoundLayout& l : found.best) {
    CHECK(l.step_s >= found.best.front().step_s);
    CHECK(l.memory_bytes <= 0.95 * 80e9);
    CHECK_FALSE(why_not(l.run.layout, l.run.architecture, 4096, 64).has_value());
    CHECK(l.run.layout.devices() == 16);
  }
  request.fixed.tensor = 4;
  for (const FoundLayout& l : search_layouts(request).best) CHECK(l.run.layout.tensor == 4);
}

TEST_CASE("a search goes through more than a thousand layouts and every one it names fits") {
  SearchRequest request;
  request.run = test::training_run("deepseek-v3", "h800-sxm-80gb", Layout{}, 1024);
  request.devices = 1024;
  const SearchResult found = search_layouts(request);
  CHECK(found.candidates > 1000);
  REQUIRE(!found.best.empty());
  for (const FoundLayout& l : found.best) CHECK(l.run.layout.devices() == 1024);
}

TEST_CASE("the default batch is a multiple of what any device count needs") {
  CHECK(default_global_batch(2048, 8192) == 512);
  CHECK(default_global_batch(6, 4096) == 3 * 256);
  CHECK(default_global_batch(1, 8388608) == 1);
}
