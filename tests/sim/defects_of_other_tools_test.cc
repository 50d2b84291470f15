// Mistakes that other cost tools were found to make, each as a claim that we do not make it. Those not listed here are
// claims of the file of their own subject: pipeline bubble, experts in memory, ZeRO, causal halves, collective units.
#include <doctest/doctest.h>

#include <variant>

#include "agrees.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/error.h"
#include "isoflop/hardware/accelerator.h"
#include "isoflop/model/op_cost.h"
#include "isoflop/model/parameters.h"
#include "isoflop/sim/training/layout.h"

using namespace isoflop;

namespace {

Architecture model(const char* name) { return named_architecture(name).architecture; }

double part_matmul_flops(const Program& program, Part part) {
  double sum = 0;
  for (const Op& op : program.ops)
    if (op.part == part) sum += static_cast<double>(op.times) * cost(op, Pass::Forward).matmul_flops;
  return sum;
}

}  // namespace

TEST_CASE("the activation of a feed-forward layer is as wide as its hidden layer, not as the model") {
  const Architecture llama = model("llama-3-8b");
  int seen = 0;
  for (const Op& op : forward(llama, Step::prefill(1, 7)).ops)
    if (const auto* act = std::get_if<Activate>(&op.detail); act && op.part == Part::Mlp) {
      CHECK(act->width == 14336);
      CHECK(act->rows == 7);
      ++seen;
    }
  CHECK(seen > 0);
}

TEST_CASE("the head costs two FLOP per weight and sampled position, and the vocabulary is in it") {
  const Program program = forward(model("llama-3-8b"), Step::prefill(3, 50));
  CHECK(part_matmul_flops(program, Part::Head) == 2.0 * 3 * 4096 * 128256);
  const Program training = forward(model("llama-3-8b"), Step::train(2, 50));
  CHECK(part_matmul_flops(training, Part::Head) == 2.0 * 100 * 4096 * 128256);
}

TEST_CASE("a decode step reads the cache once, by key/value heads, and writes one token") {
  const Architecture llama = model("llama-3-8b");
  const double per_token = static_cast<double>(kv_elements_per_token(llama));
  CHECK(per_token == 2 * 8 * 128 * 32);
  const double moved = cost(forward(llama, Step::decode(1, 999)), Pass::Forward).traffic.kv;
  CHECK(moved >= 1000 * per_token);  // the new token is read too
  CHECK(moved <= 1001 * per_token);
}

TEST_CASE(
    "models whose names are alike have dimensions of their own, and an unknown one is refused, not taken for its kin") {
  CHECK(model("llama-3-70b").vocabulary == 128256);
  CHECK(model("llama-2-70b").vocabulary == 32000);
  CHECK(count_parameters(model("llama-3-70b")).total == 70553706496);
  CHECK_THROWS_AS(model("meta-llama/meta-llama-3.1-70b"), Error);
}

TEST_CASE("caches of latent attention and of few key/value heads are theirs, not those of the query heads") {
  CHECK(kv_elements_per_token(model("deepseek-v2")) == 60 * (512 + 64));
  CHECK(kv_elements_per_token(model("deepseek-v3")) == 61 * (512 + 64));
  CHECK(kv_elements_per_token(model("qwen1.5-110b")) == 80 * 2 * 8 * 128);
}

TEST_CASE("a windowed or hybrid cache stops growing where its layers do") {
  const Architecture gemma = model("gemma-2-2b");  // every second layer sees 4096 tokens
  const double at_4k = static_cast<double>(kv_elements(gemma, 4096)),
               at_8k = static_cast<double>(kv_elements(gemma, 8192));
  CHECK(agrees(at_8k / at_4k, 1.5, 3));
  const Architecture mistral = model("mistral-7b-v0.1");
  CHECK(kv_elements(mistral, 32768) == kv_elements(mistral, 4096));
}

TEST_CASE("links between nodes are bytes per second: 200 Gb/s are 25 GB/s") {
  const auto devices = AcceleratorCatalogue::load();
  const double a100 = sim::default_cluster(devices.require("a100-sxm-80gb")).network_bytes_per_s;
  const double h100 = sim::default_cluster(devices.require("h100-sxm-80gb")).network_bytes_per_s;
  CHECK(a100 >= 12.5e9);
  CHECK(a100 <= 25e9);
  CHECK(h100 <= 50e9);
  CHECK(h100 >= a100);
}
