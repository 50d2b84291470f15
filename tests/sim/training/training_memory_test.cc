#include "isoflop/sim/training/training_memory.h"

#include <algorithm>

#include "agrees.h"
#include "isoflop/model/parameters.h"
#include "isoflop/sim/training/training_work.h"
#include "runs.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {
const FrameworkMemory nothing{0, 0, 0};
double parameters(const TrainingRun& run) { return static_cast<double>(count_parameters(run.architecture).total); }
}  // namespace

TEST_CASE("states are 18 bytes per parameter, 6 + 12/n with ZeRO-1, 2 + 16/n with ZeRO-2, 16/n with ZeRO-3") {
  Layout l;
  l.data = 8;
  TrainingRun run = test::training_run("llama-3-8b", "h100-sxm-80gb", l, 8);
  const double n = parameters(run);
  const auto states = [&](Sharding sharding) {
    run.layout.sharding = sharding;
    return training_memory(run, nothing).timeline.front().total() / n;
  };
  CHECK(agrees(states(Sharding::None), 18, 9));
  CHECK(agrees(states(Sharding::Zero1), 6 + 12.0 / 8, 9));
  CHECK(agrees(states(Sharding::Zero2), 2 + 16.0 / 8, 9));
  CHECK(agrees(states(Sharding::Zero3), 16.0 / 8, 9));
  run.gradient_bytes = 2;
  CHECK(agrees(states(Sharding::None), 16, 9));
}

TEST_CASE(
    "activations of the modern block are the published bytes per token and layer, divided by tensor and context "
    "parallel") {
  Layout l;
  CHECK(saved_bytes_per_layer(test::training_run("llama-2-7b", "h100-sxm-80gb", l, 1)) / 4096 == 131712);
  CHECK(saved_bytes_per_layer(test::training_run("llama-3-70b", "h100-sxm-80gb", l, 1)) / 4096 == 274688);
  l.tensor = 8;
  CHECK(saved_bytes_per_layer(test::training_run("llama-3-70b", "h100-sxm-80gb", l, 1)) / 4096 == 274688 / 8);
  l.tensor = 1;
  l.context = 2;
  CHECK(saved_bytes_per_layer(test::training_run("llama-3-70b", "h100-sxm-80gb", l, 1)) / 4096 == 274688 / 2);
}

TEST_CASE("logits with loss take 10 bytes per token and vocabulary row: 21 GB for 16 thousand tokens of Llama 3") {
  Layout l;
  l.micro_batch = 4;
  const TrainingMemory m = training_memory(test::training_run("llama-3-8b", "h200-sxm-141gb", l, 4), nothing);
  double most = 0;
  for (const MemoryMoment& moment : m.timeline) most = std::max(most, moment.logits);
  CHECK(agrees(most, 16384 * 128256.0 * 10, 12));
}

TEST_CASE("the mixture's activations count k times the expert part, which Megatron's estimate leaves out") {
  const double dense = saved_bytes_per_layer(test::training_run("mistral-7b-v0.1", "h100-sxm-80gb", Layout{}, 1));
  const double mixture = saved_bytes_per_layer(test::training_run("mixtral-8x7b", "h100-sxm-80gb", Layout{}, 1));
  CHECK(mixture > dense + 4096 * 6.0 * 14336);
}

TEST_CASE("the device with the most popular experts keeps more of their rows, and only of theirs") {
  Layout l;
  l.data = 8;
  l.expert = 8;
  TrainingRun run = test::training_run("mixtral-8x7b", "h100-sxm-80gb", l, 8);
  const double even = saved_bytes_per_layer(run);
  run.routing.skew = 1;
  const double times = expert_group_imbalance(8, 2, 8, run.routing);
  CHECK(times > 2);
  // Per token: rows sent to two experts, gate and up, their product: 2 x 2 bytes x (d + 3 f).
  CHECK(agrees(saved_bytes_per_layer(run) - even, (times - 1) * 4096 * 2 * 2 * (4096 + 3 * 14336.0), 3));
  run.layout.expert = 1;  // every device has a share of all experts
  const double whole = saved_bytes_per_layer(run);
  run.routing.skew = 0;
  CHECK(agrees(saved_bytes_per_layer(run), whole, 12));
}

TEST_CASE("memory counts all experts, not the active ones") {
  Layout l;
  l.data = 64;
  l.sharding = Sharding::Zero3;
  TrainingRun run = test::training_run("mixtral-8x7b", "h100-sxm-80gb", l, 64);
  CHECK(agrees(training_memory(run, nothing).timeline.front().total(), 16.0 / 64 * 46702792704, 8));
}

TEST_CASE(
    "the first stage of a pipeline holds p micro-batches of its layers, interleaved (1 + (p-1)/(p v)) times as many") {
  Layout l;
  l.pipeline = 4;
  TrainingRun run = test::training_run("llama-3-8b", "h100-sxm-80gb", l, 64);
  const double layer = saved_bytes_per_layer(run);
  const auto end_of_forward = [&] {
    const auto timeline = training_memory(run, nothing).timeline;
    return timeline[1].activations;
  };
  const double plain = end_of_forward();
  run.layout.interleave = 2;
  const double interleaved = end_of_forward();
  CHECK(agrees(interleaved - plain, 4 * 8 * layer * (3.0 / 8), 9));
}

TEST_CASE("full recomputation keeps layer inputs only, and no layout of more devices needs more memory per device") {
  Layout l;
  l.data = 8;
  l.sharding = Sharding::Zero3;
  TrainingRun run = test::training_run("llama-3-70b", "h100-sxm-80gb", l, 8);
  const double kept = training_memory(run, nothing).peak.total();
  run.layout.recompute = Recompute::Full;
  const double rebuilt = training_memory(run, nothing).peak.total();
  CHECK(agrees(kept - rebuilt, (79 * 274688.0 - 80 * 2.0 * 8192) * 4096, 2));
  run.layout.data = 64;
  run.global_batch = 64;
  CHECK(training_memory(run, nothing).peak.total() < rebuilt);
}

TEST_CASE("the peak is the largest moment of the timeline and its parts add up") {
  Layout l;
  l.data = 8;
  l.tensor = 8;
  l.pipeline = 4;
  const TrainingMemory m = training_memory(test::training_run("llama-3-70b", "h100-sxm-80gb", l, 64));
  for (const MemoryMoment& moment : m.timeline) CHECK(moment.total() <= m.peak.total());
  CHECK(agrees(m.peak.total(),
               m.peak.weights + m.peak.gradients + m.peak.optimizer + m.peak.activations + m.peak.logits + m.peak.other,
               15));
}
