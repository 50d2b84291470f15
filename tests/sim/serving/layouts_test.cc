// Pipeline and expert parallelism of the serving closed form.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/sim/serving/serving.h"
#include "isoflop/sim/serving/stages.h"
#include "sim/serving/served.h"

using namespace isoflop;
using namespace isoflop::sim;
using namespace isoflop::test;

namespace {

ServingLoad load_of(std::int64_t batch, std::int64_t tp = 1, std::int64_t pp = 1) {
  ServingLoad load;
  load.batch = batch;
  load.prompt = 1024;
  load.generate = 64;
  load.tensor_parallel = tp;
  load.pipeline_parallel = pp;
  return load;
}
ServingLoad spread(std::int64_t batch, std::int64_t ep, std::int64_t tp = 1) {
  ServingLoad load = load_of(batch, tp);
  load.expert_parallel = ep;
  load.attention = AttentionSplit::Data;
  return load;
}

}  // namespace

TEST_CASE("stages hold all layers once, in order, and differ by at most one") {
  for (const char* name : {"arctic", "llama-3-70b", "gemma-2-2b", "deepseek-v3"})
    for (const std::int64_t stages : {1, 2, 3, 4, 8}) {
      const Architecture a = model(name);
      const StagePlan plan = stage_plan(a, stages);
      CHECK(std::accumulate(plan.layers.begin(), plan.layers.end(), std::int64_t{0}) ==
            static_cast<std::int64_t>(a.layers.size()));
      CHECK(plan.layers.front() - plan.layers.back() <= 1);
      for (std::size_t s = 0; s < plan.layers.size(); ++s)
        CHECK(std::accumulate(plan.layers_of_kind[s].begin(), plan.layers_of_kind[s].end(), std::int64_t{0}) ==
              plan.layers[s]);
    }
  CHECK(leaves_node(0, 8, 8));
  CHECK_FALSE(leaves_node(0, 4, 8));
  CHECK(leaves_node(1, 4, 8));
}

TEST_CASE("one sequence crosses the stages one after the other: pipeline stages save memory, not latency") {
  const Architecture a = model("llama-3-70b");
  const StepPricer pricer(a, h100(), profile());
  const MemoryModel memory(a, h100());
  const ServingAnswer two = serve(pricer, memory, load_of(1, 2)), staged = serve(pricer, memory, load_of(1, 2, 4));
  CHECK(staged.tpot_s.central > two.tpot_s.central);
  CHECK(staged.tpot_s.central < 1.05 * two.tpot_s.central);
  CHECK(staged.ttft_s.central > two.ttft_s.central);
  CHECK(staged.memory.fullest_device < 0.3 * two.memory.fullest_device);
  CHECK(staged.max_batch > 3 * two.max_batch);
  // Weights once, over four times the devices; the head is untied.
  CHECK(staged.memory.weights == two.memory.weights);
  CHECK(agrees(staged.mbu.central, two.mbu.central * two.tpot_s.central / staged.tpot_s.central / 4, 6));
}

TEST_CASE("with parts in flight a pipeline serves more per second, bounded by its stages") {
  const Architecture a = model("llama-3-70b");
  const StepPricer pricer(a, h100(), profile());
  const MemoryModel memory(a, h100());
  const ServingAnswer flat = serve(pricer, memory, load_of(64, 2)), staged = serve(pricer, memory, load_of(256, 2, 4));
  CHECK(staged.parts == 4);
  // Each part is as large as the batch on one stage's devices: at most four times the rate, less messages and bubble.
  CHECK(staged.decode_tokens_per_s.central > 3.5 * flat.decode_tokens_per_s.central);
  CHECK(staged.decode_tokens_per_s.central < 4 * flat.decode_tokens_per_s.central);
  CHECK(staged.output_tokens_per_s.central > 2 * flat.output_tokens_per_s.central);
  CHECK(staged.output_tokens_per_s.central < 4 * flat.output_tokens_per_s.central);
  CHECK(staged.idle_prefill > 0.3);  // (p - 1)/(m + p - 1) = 3/7
  CHECK(staged.idle_prefill < 0.5);
  CHECK(serve(pricer, memory, load_of(3, 2, 4)).parts == 3);
}

TEST_CASE("a round of several parts takes as long as its slowest stage needs for all of them, or one part for all") {
  const Architecture a = model("llama-3-8b");
  const StepPricer pricer(a, h100(), profile());
  const ServingLoad load = load_of(30, 1, 4);
  const Round round = decode_round(pricer, load, 1024);
  ServingLoad part = load;
  const auto slowest = [&](std::int64_t sequences) {
    const StepTime pass = pricer.time(part, Step::decode(sequences, 1024));
    double most = 0;
    for (const Estimate& s : pass.stage_s) most = std::max(most, s.central);
    return most + host_per_step_s;
  };
  const double stages = 2 * slowest(8) + 2 * slowest(7),
               alone = pricer.time(part, Step::decode(8, 1024)).seconds.central;
  CHECK(agrees(round.seconds.central, std::max(stages, alone), 10));
}

TEST_CASE("experts on several devices: the dense part is repeated, each expert is stored once") {
  const Architecture a = model("arctic");
  const MemoryModel memory(a, h100());
  const double all = memory.memory(load_of(8)).weights;
  const double experts = 2.0 * 35 * 128 * 3 * 7168 * 4864;
  const ServingMemory eight = memory.memory(spread(8, 8));
  CHECK(agrees(eight.weights, all + 7 * (all - experts), 10));
  CHECK(eight.fullest_device > experts / 8 + (all - experts));
  ServingLoad shared = load_of(8, 8);
  shared.expert_parallel = 8;
  CHECK(memory.memory(shared).weights == all);
}

TEST_CASE("the attention repeated keeps a latent cache once, the attention split keeps it on every device") {
  const Architecture a = model("deepseek-v3");
  const MemoryModel memory(a, h100());
  ServingLoad shared = load_of(64, 8);
  CHECK(agrees(memory.memory(shared).kv_cache, 8 * memory.memory(spread(64, 8)).kv_cache, 10));
}

TEST_CASE("expert parallelism carries tokens to experts, reads fewer experts on a device, and skew slows it") {
  const Architecture a = model("deepseek-v3");
  const StepPricer pricer(a, h100(), profile());
  const auto of = [](const StepTime& t, const std::string& name) {
    for (const OpClass& c : t.classes)
      if (c.name == name) return c;
    return OpClass{};
  };
  const StepTime few = pricer.time(spread(64, 8), Step::decode(64, 1024)),
                 many = pricer.time(spread(64, 32), Step::decode(64, 1024));
  CHECK(of(few, "all-to-all").calls == 2 * 58);  // three leading layers are dense
  CHECK(of(few, "all-reduce").calls == 0);
  CHECK(of(many, "experts").seconds.central < of(few, "experts").seconds.central);
  ServingLoad skewed = spread(512, 8);
  const double even = of(pricer.time(skewed, Step::decode(512, 1024)), "experts").seconds.central;
  skewed.routing_skew = 0.8;
  CHECK(of(pricer.time(skewed, Step::decode(512, 1024)), "experts").seconds.central > even);
  ServingLoad one_node = spread(64, 32), two_nodes = one_node;
  one_node.devices_per_node = 32;
  CHECK(pricer.time(two_nodes, Step::decode(64, 1024)).seconds.central >
        pricer.time(one_node, Step::decode(64, 1024)).seconds.central);
}

TEST_CASE("over nodes a token travels once to a node, and no message is faster than its bytes over the link") {
  const Architecture a = model("deepseek-v3");
  const StepPricer pricer(a, h100(), profile());
  const auto seconds = [&](const ServingLoad& load) {
    for (const OpClass& c : pricer.time(load, Step::prefill(load.batch, load.prompt)).classes)
      if (c.name == "all-to-all") return c.seconds;
    return Estimate{0, 0, 0, {}};
  };
  const ServingLoad two = spread(64, 16);
  const double tokens = 64 / 16 * 1024, each = 7168 * 2.0, calls = 2 * 58;
  // 8 experts of a token lie almost surely on both of two nodes.
  const double network_s = calls * tokens * each / *h100().inter_node_bytes_per_s;
  CHECK(seconds(two).low >= 0.75 * network_s);
  CHECK(seconds(two).central >= network_s);
  CHECK(seconds(two).central < 6 * network_s);
  CHECK(seconds(two).high >= 4 * network_s);
  ServingLoad one = two;
  one.devices_per_node = 16;
  CHECK(seconds(one).central < seconds(two).central);
  CHECK(seconds(one).low >= 0.75 * calls * tokens * each * 8 * 15 / 16 / *h100().intra_node_bytes_per_s);
}

TEST_CASE("no layout is faster than bytes over bandwidth or FLOP over peak of the devices at work") {
  for (const char* name : {"arctic", "deepseek-v3", "mixtral-8x7b", "qwen3-235b-a22b"}) {
    CAPTURE(name);
    const Architecture a = model(name);
    const StepPricer pricer(a, h100(), profile());
    const MemoryModel memory(a, h100());
    std::vector<ServingLoad> loads;
    for (const std::int64_t batch : {1, 7, 256}) {
      for (const std::int64_t pp : {2, 5}) loads.push_back(load_of(batch, 1, pp));
      loads.push_back(spread(batch, 8));
      loads.push_back(spread(batch, 8, 2));
      loads.back().pipeline_parallel = 2;
      loads.push_back(spread(batch, 4));
      loads.back().routing_skew = 0.7;
      loads.push_back(load_of(batch, 4));
      loads.back().expert_parallel = 2;
    }
    for (const ServingLoad& load : loads) {
      CAPTURE(load.devices());
      CAPTURE(load.batch);
      const ServingAnswer answer = serve(pricer, memory, load);
      // Counted apart: every weight that a batch must read at least once, spread over all devices.
      const DecodeFloor floor = decode_floor(a, h100(), load, load.prompt);
      CHECK(answer.tpot_s.low >= floor.seconds / static_cast<double>(load.pipeline_parallel) * (1 - 1e-9));
      CHECK(answer.tpot_s.low >= answer.tpot_floor_s * (1 - 1e-9));
      CHECK(answer.ttft_s.low >= answer.ttft_floor_s * (1 - 1e-9));
      CHECK(answer.decode.seconds.low >= answer.decode.floor_s * (1 - 1e-9));
      CHECK(answer.mbu.high <= 1);
      CHECK(answer.mfu_prefill.high <= 1);
      CHECK(answer.tpot_s.high >= answer.tpot_s.central);
      CHECK(answer.tpot_s.central >= answer.tpot_s.low);
    }
  }
}

TEST_CASE("a layout that cannot be is refused by name") {
  const Architecture mixture = model("mixtral-8x7b"), dense = model("llama-3-8b");
  const auto refused = [](const ServingLoad& load, const Architecture& a) {
    CHECK_THROWS_AS(check(load, a), Error);
  };
  refused(spread(8, 3), mixture);      // does not divide 8 experts
  refused(spread(8, 4), dense);        // no experts
  refused(load_of(8, 1, 33), dense);   // 32 layers
  refused(spread(8, 4, 8), mixture);   // 8 devices share attention of 4
  ServingLoad load = load_of(8, 2);
  load.expert_parallel = 4;
  refused(load, mixture);              // attention tp: more groups than devices
  load = load_of(8);
  load.attention = AttentionSplit::Data;
  refused(load, mixture);              // nothing to repeat over
}

TEST_CASE("Arctic's smallest layouts hold it, and none smaller does") {
  const Architecture a = model("arctic");
  const MemoryModel memory(a, h100());
  const auto found = memory.smallest_layout(load_of(1));
  REQUIRE(found);
  CHECK(memory.fits(*found));
  check(*found, a);
  CHECK(found->devices() <= 14);  // by tensor parallelism alone, which divides 56 heads
  // 957 GB of weights and 1.5 GB a device of other things: 13 devices of 80 GB at the least.
  CHECK(found->devices() >= 13);
}
