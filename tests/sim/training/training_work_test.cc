#include "isoflop/sim/training/training_work.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/model/conventions.h"
#include "isoflop/model/parameters.h"
#include "runs.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {
double gemm_flops(const TrainingWork& w) {
  double sum = 0;
  for (const GemmWork& g : w.gemms) sum += g.flops;
  return sum;
}
double comm_bytes(const TrainingWork& w, CommKind kind) {
  double sum = 0;
  for (const auto& list : {w.per_micro_batch, w.per_step})
    for (const CommWork& c : list)
      if (c.kind == kind) sum += c.bytes;
  return sum;
}
}  // namespace

TEST_CASE("one device does 3 x the forward matrix products of the exact count, and flash attention 3.5 x its core") {
  const TrainingRun run = test::training_run("llama-3-8b", "h100-sxm-80gb", Layout{}, 1);
  const TrainingWork w = training_work(run);
  const double none = 3 * 4096 * forward_flops_per_token(run.architecture, 4096, AttentionCounting::None);
  const double all = 3 * 4096 * forward_flops_per_token(run.architecture, 4096, AttentionCounting::Causal);
  CHECK(agrees(gemm_flops(w), none, 12));
  CHECK(agrees(w.attention_flops, 3.5 / 3 * (all - none), 12));
  CHECK(agrees(w.model_flops, all, 12));
  CHECK(agrees(w.hardware_flops, all + (all - none) / 6, 12));
}

TEST_CASE("full recomputation adds a forward pass of layers, selective of the attention core, elementwise of norms") {
  Layout layout;
  layout.recompute = Recompute::Full;
  const TrainingRun full = test::training_run("llama-3-8b", "h100-sxm-80gb", layout, 1);
  layout.recompute = Recompute::Selective;
  const TrainingRun selective = test::training_run("llama-3-8b", "h100-sxm-80gb", layout, 1);
  const TrainingRun none = test::training_run("llama-3-8b", "h100-sxm-80gb", Layout{}, 1);
  const double head = 3 * 2.0 * 4096 * 128256 * 4096;
  CHECK(agrees(gemm_flops(training_work(full)) - head, (gemm_flops(training_work(none)) - head) * 4 / 3, 12));
  CHECK(agrees(training_work(selective).attention_flops, training_work(none).attention_flops * 4.5 / 3.5, 12));
  CHECK(gemm_flops(training_work(selective)) == gemm_flops(training_work(none)));
  CHECK(training_work(selective).element_bytes == training_work(none).element_bytes);
  layout.recompute = Recompute::Elementwise;
  const TrainingWork elementwise = training_work(test::training_run("llama-3-8b", "h100-sxm-80gb", layout, 1));
  CHECK(elementwise.attention_flops == training_work(none).attention_flops);
  CHECK(elementwise.element_bytes > training_work(none).element_bytes);
  CHECK(elementwise.hardware_flops == training_work(none).hardware_flops);
}

TEST_CASE("tensor, pipeline and context parallelism divide the work and lose none of it") {
  const double alone = gemm_flops(training_work(test::training_run("llama-3-70b", "h100-sxm-80gb", Layout{}, 1)));
  Layout tensor;
  tensor.tensor = 8;
  CHECK(
      agrees(8 * gemm_flops(training_work(test::training_run("llama-3-70b", "h100-sxm-80gb", tensor, 1))), alone, 12));
  Layout context;
  context.context = 4;
  CHECK(
      agrees(4 * gemm_flops(training_work(test::training_run("llama-3-70b", "h100-sxm-80gb", context, 1))), alone, 12));
  Layout pipeline;
  pipeline.pipeline = 4;
  const double head = 3 * 2.0 * 4096 * 128256 * 8192;
  CHECK(agrees(
      4 * (gemm_flops(training_work(test::training_run("llama-3-70b", "h100-sxm-80gb", pipeline, 8))) - head) + head,
      alone, 12));
}

TEST_CASE("tensor parallelism reduces four times per layer, and twice more with full recomputation") {
  Layout l;
  l.tensor = 8;
  const double message = 4096.0 * 8192 * 2, ring = 2.0 * 7 / 8, head = 3.0 / 2;
  const double bytes =
      comm_bytes(training_work(test::training_run("llama-3-70b", "h100-sxm-80gb", l, 1)), CommKind::Tensor);
  CHECK(agrees(bytes, ring * message * (80 * 4 + head * 2 / 3), 12));
  l.recompute = Recompute::Full;
  const double again =
      comm_bytes(training_work(test::training_run("llama-3-70b", "h100-sxm-80gb", l, 1)), CommKind::Tensor);
  CHECK(agrees(again - bytes, ring * message * 80 * 2, 12));
}

TEST_CASE(
    "ZeRO-3 gathers weights twice and scatters gradients once per micro-batch; ZeRO-1 moves gradients and weights once "
    "per step") {
  Layout l;
  l.data = 8;
  l.sharding = Sharding::Zero3;
  TrainingRun run = test::training_run("llama-3-8b", "h100-sxm-80gb", l, 16);
  const double n = static_cast<double>(count_parameters(run.architecture).total);
  CHECK(agrees(comm_bytes(training_work(run), CommKind::Weights), 3 * 7.0 / 8 * 2 * n, 6));
  CHECK(comm_bytes(training_work(run), CommKind::Gradients) == 0);
  run.layout.sharding = Sharding::Zero1;
  run.gradient_bytes = 2;
  CHECK(agrees(comm_bytes(training_work(run), CommKind::Gradients), 2 * 7.0 / 8 * 2 * n, 6));
  run.layout.data = 1;
  CHECK(comm_bytes(training_work(run), CommKind::Gradients) == 0);
}

TEST_CASE("experts over x devices: two exchanges forward, two backward, of T k d (x - 1)/x inside a node") {
  Layout l;
  l.data = 8;
  l.expert = 8;
  const TrainingRun run = test::training_run("mixtral-8x7b", "h100-sxm-80gb", l, 8);
  CHECK(agrees(comm_bytes(training_work(run), CommKind::Expert), 4 * 32 * 4096.0 * 2 * 4096 * 2 * 7 / 8, 12));
}

TEST_CASE("between nodes a token travels once per node that has some of its experts") {
  Layout l;
  l.data = 32;
  l.expert = 32;
  const TrainingRun run = test::training_run("deepseek-v3", "h100-sxm-80gb", l, 32);
  const double others = 3 * (1 - std::pow(0.75, 8));
  CHECK(agrees(comm_bytes(training_work(run), CommKind::Expert), 4 * 58 * 4096.0 * 7168 * 2 * others, 12));
}

TEST_CASE("every token passes k experts, not one: Mixtral computes 25.5 GFLOP per token besides attention, not 14.2") {
  const TrainingRun run = test::training_run("mixtral-8x7b", "h100-sxm-80gb", Layout{}, 1);
  CHECK(agrees(gemm_flops(training_work(run)) / 3 / 4096, 25.5e9, 2.5));
}

TEST_CASE(
    "parameters per device: experts divide by expert parallel, not by tensor parallel when they sit whole on a "
    "device") {
  Layout l;
  l.data = 8;
  l.tensor = 2;
  l.expert = 8;
  const TrainingRun run = test::training_run("mixtral-8x7b", "h100-sxm-80gb", l, 8);
  const ParameterCount count = count_parameters(run.architecture);
  CHECK(agrees(device_parameters(run).expert, static_cast<double>(count.of(Part::Expert).total) / 8, 12));
  l.expert = 1;
  CHECK(agrees(device_parameters(test::training_run("mixtral-8x7b", "h100-sxm-80gb", l, 8)).expert,
               static_cast<double>(count.of(Part::Expert).total) / 2, 12));
}

TEST_CASE("a layout that cannot run says why") {
  const TrainingRun run = test::training_run("llama-3-8b", "h100-sxm-80gb", Layout{}, 8);
  const auto reason = [&](Layout l, double batch = 8) {
    return why_not(l, run.architecture, 4096, batch).value_or("possible");
  };
  Layout l;
  CHECK(reason(l) == "possible");
  l.tensor = 3;
  CHECK(reason(l) == "32 heads do not divide over tensor parallel 3");
  l.tensor = 16;  // two devices to each of the 8 key/value heads
  CHECK(reason(l) == "possible");
  l = {};
  l.micro_batch = 0.5;
  CHECK(reason(l) == "a micro-batch of 0.5 sequences is not whole");
  TrainingRun uneven = run;
  for (Layer& layer : uneven.architecture.layers) layer.attention.heads = 24, layer.attention.kv_heads = 8;
  l = {};
  l.tensor = 6;
  CHECK(why_not(l, uneven.architecture, 4096, 8).value_or("") ==
        "8 key/value heads do not divide over tensor parallel 6");
  l = {};
  l.expert = 2;
  CHECK(reason(l) == "expert parallel needs a model with experts");
  l = {};
  l.data = 16;
  CHECK(reason(l) == "a batch of 8 sequences is less than data parallel 16 x micro-batch 1");
  l = {};
  l.pipeline = 40;
  CHECK(reason(l) == "40 pipeline chunks for 32 layers");
  l = {};
  l.pipeline = 4;
  l.interleave = 2;
  CHECK(reason(l, 6) == "interleaving needs micro-batches (6) in multiples of the 4 pipeline stages");
}

TEST_CASE("a ring over whole nodes uses every network card of a node; with a stride it has only its own") {
  const Cluster c{8, 450e9, 50e9, ""};
  CHECK(c.ring_bytes_per_s(8, 1) == 450e9);
  CHECK(c.ring_bytes_per_s(32, 1) == 400e9);
  CHECK(c.ring_bytes_per_s(4, 8) == 50e9);
  CHECK(c.ring_bytes_per_s(16, 2) == 200e9);
}
