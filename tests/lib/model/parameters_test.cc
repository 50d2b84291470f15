#include "isoflop/model/parameters.h"

#include "agrees.h"
#include "blocks.h"
#include "isoflop/error.h"
#include "isoflop/model/op_cost.h"

using namespace isoflop;

namespace {
double forward_gflop_per_token_half_square(const Architecture& a, std::int64_t length) {
  const Program p = forward(a, Step::train(1, length), LayerListing::Distinct);
  double flops = 0;
  for (const Op& op : p.ops) {
    const PassCost c = static_cast<double>(op.times) * cost(op, Pass::Forward);
    // The published figures take P = S^2 / 2 where exact counting gives S (S + 1) / 2.
    const bool core = std::holds_alternative<AttentionCore>(op.detail);
    const double s = static_cast<double>(length);
    flops += core ? c.matmul_flops * s / (s + 1) : c.matmul_flops;
  }
  return flops / static_cast<double>(length) / 1e9;
}
}  // namespace

TEST_CASE("Llama-2-7B, GPT-2 and GPT-3 count to the published integers") {
  CHECK(count_parameters(test::llama("Llama-2-7B", 32, 4096, 32, 32, 11008, 32000)).total == 6738415616);
  CHECK(count_parameters(test::llama("Llama-3.1-405B", 126, 16384, 128, 8, 53248, 128256)).total == 405853388800);
  CHECK(count_parameters(test::gpt("GPT-2", 12, 768, 12, 50257, 1024)).total == 124439808);
  CHECK(count_parameters(test::gpt("GPT-3", 96, 12288, 96, 50257, 2048)).total == 174604259328);
}

TEST_CASE(
    "Arctic is 478.6 billion in all, 17.3 billion active: 10 billion dense and one expert stack of 3.66 billion") {
  const ParameterCount count = count_parameters(test::arctic());
  CHECK(count.total == 478584608768);
  CHECK(count.active == 17318647808);
  CHECK(count.of(Part::Expert).total / 128 == 3660840960);
  CHECK(count.total - count.of(Part::Expert).total - count.of(Part::Router).total == 9964853248);
}

TEST_CASE("DeepSeek-V3 counts to the integer and caches 70272 bytes per token") {
  const Architecture a = test::deepseek_v3();
  const ParameterCount count = count_parameters(a);
  CHECK(count.total == 671026419200);
  CHECK(count.active == 37552297472);
  CHECK(2 * kv_elements_per_token(a) == 70272);
}

TEST_CASE("listing identical layers once changes no sum") {
  for (const Architecture& a : {test::arctic(), test::deepseek_v3(), test::gpt("GPT-2", 12, 768, 12, 50257, 1024)}) {
    const Step step = Step::train(2, 64);
    const Program each = forward(a, step), distinct = forward(a, step, LayerListing::Distinct);
    CHECK(count_parameters(each).total == count_parameters(distinct).total);
    for (const Pass pass : {Pass::Forward, Pass::Backward, Pass::ScoresAgain}) {
      CHECK(agrees(cost(distinct, pass).flops(), cost(each, pass).flops(), 14));
      CHECK(agrees(cost(distinct, pass).traffic.sum(), cost(each, pass).traffic.sum(), 14));
    }
    CHECK(agrees(saved_activations(distinct).activations, saved_activations(each).activations, 2.5));
    CHECK(distinct.ops.size() < each.ops.size() / 3);
  }
}

TEST_CASE("forward GFLOP per token at 4096 tokens are the published ones") {
  CHECK(agrees(forward_gflop_per_token_half_square(test::llama("Llama-3-70B", 80, 8192, 64, 8, 28672, 128256), 4096),
               144.372, 5.5));
  CHECK(agrees(forward_gflop_per_token_half_square(test::arctic(), 4096), 36.232, 4.8));
  // The published figure counts the scales of the two inner norms, 61 (1536 + 512) of them, as a matrix.
  CHECK(agrees(forward_gflop_per_token_half_square(test::deepseek_v3(), 4096) + 2 * 61 * 2048 / 1e9, 83.484, 5.2));
}

TEST_CASE("an architecture that does not hold together is refused with its place") {
  Architecture a = test::llama("odd", 2, 64, 4, 4, 128, 100);
  a.layers[1].attention.kv_heads = 3;
  CHECK_THROWS_WITH_AS(forward(a, Step::decode(1, 5)), "odd, layer 1: 4 heads are not a multiple of 3 key/value heads",
                       Error);
}
