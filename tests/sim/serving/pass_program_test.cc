// What a pass executes and launches: latent attention of mixed passes, work inside a neighbour's kernel, shared sums.
#include <doctest/doctest.h>

#include <algorithm>

#include "agrees.h"
#include "isoflop/model/op_cost.h"
#include "isoflop/sim/serving/fused_kernels.h"
#include "isoflop/sim/serving/pass_program.h"
#include "served.h"

using namespace isoflop;
using namespace isoflop::sim;
using isoflop::test::h100;
using isoflop::test::model;
using isoflop::test::profile;

namespace {

double matmul_flop(const Architecture& a, std::vector<Segment> segments) {
  Step step;
  step.segments = std::move(segments);
  double sum = 0;
  for (const Op& op : pass_program(a, step, false).ops)
    sum += static_cast<double>(op.times) * cost(op, Pass::Forward).matmul_flops;
  return sum;
}

double calls(const StepTime& step, const std::string& name) {
  for (const OpClass& c : step.classes)
    if (c.name == name) return c.calls;
  return 0;
}

StepTime decode(const char* name, std::int64_t tensor_parallel, ServingLoad load = {}) {
  load.tensor_parallel = tensor_parallel;
  return StepPricer(model(name), h100(), profile()).time(load, Step::decode(16, 2048));
}

}  // namespace

TEST_CASE("decoding beside a piece of a prompt multiplies what both multiply apart, latent attention too") {
  for (const char* name : {"deepseek-v3", "llama-3-8b", "mixtral-8x7b", "arctic"}) {
    CAPTURE(name);
    const Architecture a = model(name);
    const Segment decoding{64, 1, 8000, 1}, piece{1, 512, 1024, 0};
    CHECK(agrees(matmul_flop(a, {decoding, piece}), matmul_flop(a, {decoding}) + matmul_flop(a, {piece}), 12));
  }
}

TEST_CASE("partial sums that end in one sum share an all-reduce") {
  // Two a layer: attention, and what feeds forward (routed and shared experts; Arctic's dense residual and experts).
  CHECK(calls(decode("deepseek-v3", 8), "all-reduce") == 2 * 61);
  CHECK(calls(decode("arctic", 8), "all-reduce") == 2 * 35);
  CHECK(calls(decode("llama-3-8b", 8), "all-reduce") == 2 * 32);
  CHECK(calls(decode("mixtral-8x7b", 2), "all-reduce") == 2 * 32);
}

TEST_CASE("what a neighbour's kernel does is not launched again") {
  const Architecture a = model("mixtral-8x7b");
  const Program program = forward(a, Step::decode(4, 100), LayerListing::Distinct);
  const auto fused = fusions(program);
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    CAPTURE(program.ops[i].name);
    const bool inside = program.ops[i].name.ends_with("expert activation") ||
                        program.ops[i].name.ends_with("expert combine") ||
                        program.ops[i].name.ends_with("router dispatch");
    CHECK((fused[i].launch == Launch::Within) == inside);
    CHECK((fused[i].launch == Launch::Joined) == program.ops[i].name.ends_with("residual"));
  }
}

TEST_CASE("weights stored smaller are read in fewer bytes, from memory and from the cache, and are never slower") {
  for (const char* name : {"llama-3-8b", "mixtral-8x7b"})
    for (const std::int64_t batch : {1, 16, 256}) {
      CAPTURE(name);
      CAPTURE(batch);
      const StepPricer pricer(model(name), h100(), profile());
      ServingLoad wide, small;
      wide.tensor_parallel = small.tensor_parallel = 2;
      small.weights = WeightFormat::Mxfp4;
      const StepTime in_16 = pricer.time(wide, Step::decode(batch, 1000)),
                     in_4 = pricer.time(small, Step::decode(batch, 1000));
      CHECK(in_4.seconds.central <= in_16.seconds.central);
      CHECK(in_4.seconds.central >= in_4.floor_s);
      if (batch == 1) CHECK(in_4.seconds.central < 0.65 * in_16.seconds.central);
    }
}
