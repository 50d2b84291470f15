#include "isoflop/sim/op/moe_model.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const DeviceLimits h100{989e12, 3.35e12, 132, 450e9, 50e9};

MoeShape mixtral(double tokens) {
  MoeShape shape;
  shape.tokens = tokens;
  shape.hidden = 4096;
  shape.expert_width = 14336;
  shape.per_token = 2;
  shape.experts = 8;
  return shape;
}

}  // namespace

TEST_CASE("distinct experts under uniform routing are those of E (1 - (1 - k/E)^n)") {
  // Mixtral: 2, 3.5, 5.47, 7.20 for 1, 2, 4, 8 tokens.
  CHECK(agrees(expert_load(mixtral(1)).touched, 2, 12));
  CHECK(agrees(expert_load(mixtral(2)).touched, 3.5, 12));
  CHECK(agrees(expert_load(mixtral(4)).touched, 5.46875, 12));
  CHECK(agrees(expert_load(mixtral(8)).touched, 7.19909, 5));
}

TEST_CASE("rows are tokens times experts per token, shared over the expert-parallel group") {
  for (double tokens : {1.0, 64.0, 5000.0}) {
    MoeShape shape = mixtral(tokens);
    CHECK(agrees(expert_load(shape).rows, 2 * tokens, 12));
    shape.expert_parallel = 4;
    CHECK(agrees(expert_load(shape).rows, tokens / 2, 12));
  }
}

TEST_CASE("skewed routing touches fewer experts and loads the busiest device more") {
  MoeShape even;
  even.tokens = 64;
  even.hidden = 2048;
  even.expert_width = 768;
  even.per_token = 8;
  even.experts = 128;
  MoeShape skewed = even;
  skewed.routing_skew = 1.2;
  CHECK(expert_load(skewed).touched < expert_load(even).touched);
  even.expert_parallel = skewed.expert_parallel = 8;
  CHECK(expert_load(skewed).rows > 1.2 * expert_load(even).rows);
}

TEST_CASE("experts are never faster than their arithmetic or their weights, whatever the constants") {
  Random random(31);
  for (int i = 0; i < 1000; ++i) {
    MoeShape shape = mixtral(std::floor(std::exp(random.uniform(0, 10))));
    shape.routing_skew = i % 3 == 0 ? 1.1 : 0;
    shape.format = i % 2 ? KernelFormat::Bf16 : KernelFormat::Int4Weight;
    std::vector<double> values;
    for (const auto& c : moe_constants()) values.push_back(std::exp(random.uniform(std::log(c.low), std::log(c.high))));
    const OpCost cost = moe_cost(shape, expert_load(shape), h100, values);
    CHECK(cost.seconds >= cost.floor_s);
  }
}

TEST_CASE("one token reads two experts of eight, not all of them") {
  const auto values = generic_moe_values();
  const double one = moe_cost(mixtral(1), expert_load(mixtral(1)), h100, values).memory_s;
  const double many = moe_cost(mixtral(512), expert_load(mixtral(512)), h100, values).memory_s;
  CHECK(many / one > 3.9);
  CHECK(many / one < 4.2);
}
