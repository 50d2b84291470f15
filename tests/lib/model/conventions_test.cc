#include "isoflop/model/conventions.h"

#include "agrees.h"
#include "blocks.h"
#include "isoflop/model/op_cost.h"
#include "isoflop/model/parameters.h"

using namespace isoflop;

TEST_CASE("Megatron's equation 3 is 4 x the forward pass without logits plus 3 x the logits, attention uncausal") {
  const Architecture a = test::gpt("GPT-3", 96, 12288, 96, 51200, 2048);
  Step step = Step::train(1, 2048);
  step.causal = false;
  double with_recompute = 0, without = 0;
  for (const Op& op : forward(a, step, LayerListing::Distinct).ops) {
    const double flops = static_cast<double>(op.times) * cost(op, Pass::Forward).matmul_flops / 2048;
    with_recompute += (op.part == Part::Head ? 3 : 4) * flops;
    without += 3 * flops;
  }
  CHECK(agrees(training_flops_per_token(a, 2048, FlopConvention::MegatronRecompute).value(), with_recompute, 12));
  CHECK(agrees(training_flops_per_token(a, 2048, FlopConvention::MegatronModel).value(), without, 12));
}

TEST_CASE("the PaLM convention is the exact one with every pair of attention counted, up to norms and biases") {
  const Architecture a = test::llama("Llama-2-7B", 32, 4096, 32, 32, 11008, 32000);
  const double palm = training_flops_per_token(a, 4096, FlopConvention::Palm).value();
  const double full = training_flops_per_token(a, 4096, FlopConvention::ExactFull).value();
  const double norms = 6.0 * (2 * 32 + 1) * 4096;
  CHECK(agrees(palm - norms, full, 12));
  CHECK(agrees(training_flops_per_token(a, 4096, FlopConvention::SixN).value(), 6 * 6738415616.0, 15));
}

TEST_CASE("causal attention is half of full attention, and none is what is left without it") {
  const Architecture a = test::llama("Llama-3-8B", 32, 4096, 32, 8, 14336, 128256);
  const double none = forward_flops_per_token(a, 4096, AttentionCounting::None);
  const double full = forward_flops_per_token(a, 4096, AttentionCounting::Full) - none;
  const double causal = forward_flops_per_token(a, 4096, AttentionCounting::Causal) - none;
  CHECK(agrees(full, 4.0 * 32 * 128 * 32 * 4096, 14));
  CHECK(agrees(causal, full * 4097 / 8192, 14));
}

TEST_CASE("the Megatron formulas are refused for blocks they were not written for") {
  const Architecture a = test::llama("Llama-3-8B", 32, 4096, 32, 8, 14336, 128256);
  CHECK_FALSE(training_flops_per_token(a, 2048, FlopConvention::MegatronRecompute).has_value());
  CHECK_FALSE(training_flops_per_token(test::arctic(), 2048, FlopConvention::MegatronModel).has_value());
  CHECK(flop_convention_named("palm") == FlopConvention::Palm);
  CHECK_FALSE(flop_convention_named("flops").has_value());
}
