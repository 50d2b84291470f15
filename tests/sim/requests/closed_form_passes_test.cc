#include "isoflop/sim/requests/closed_form_passes.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/random.h"
#include "isoflop/sim/requests/request_metrics.h"
#include "isoflop/sim/requests/workload.h"
#include "isoflop/sim/serving/serving.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

struct Deployment {
  Architecture architecture;
  Accelerator device;
  ServingLoad load;
  StepPricer pricer;
  Deployment(const char* model, const char* on, std::int64_t tp)
      : architecture(named_architecture(model, {}).architecture), device(AcceleratorCatalogue::load().require(on)),
        pricer(architecture, device, OpProfile::load()) {
    load.tensor_parallel = tp;
  }
};

}  // namespace

TEST_CASE("the table of pass times is the closed form, for prompts, decoding and mixtures, dense, MoE and MLA") {
  struct Row {
    const char *model, *on;
    std::int64_t tp;
  };
  for (const Row& row :
       {Row{"llama-3-8b", "h100", 1}, Row{"mixtral-8x7b", "a100-sxm-80gb", 4}, Row{"deepseek-v3", "h200", 8}}) {
    CAPTURE(row.model);
    const Deployment d(row.model, row.on, row.tp);
    const PassTables tables = price_passes(d.pricer, d.load, {256, 4096, 20000});
    Random random(9);
    double worst = 0, sum = 0;
    constexpr int cases = 60;
    for (int i = 0; i < cases; ++i) {
      const auto batch = static_cast<std::int64_t>(std::exp(random.uniform(0, std::log(256.0)))),
                 context = static_cast<std::int64_t>(random.index(16000));
      const auto tokens = static_cast<std::int64_t>(std::exp(random.uniform(0, std::log(3800.0)))),
                 before = static_cast<std::int64_t>(random.index(16000));
      Step step;
      double table_s = 0;
      // Where latent attention meets a prompt the closed form expands every sequence's cache; engines (and the table)
      // do not.
      if (i % 3 == 2 && d.architecture.layers.front().attention.latent) continue;
      if (i % 3 == 0) {
        step = Step::decode(batch, context);
        table_s = tables.central.seconds(batch, batch * context, {}, 0);
      } else if (i % 3 == 1) {
        step = Step::chunk(1, tokens, before);
        table_s = tables.central.seconds(0, 0, std::vector<PromptPiece>{{tokens, before}}, 1);
      } else {
        step.segments = {{batch, 1, context, 1}, {1, tokens, before, 1}};
        table_s = tables.central.seconds(batch, batch * context, std::vector<PromptPiece>{{tokens, before}},
                                         std::min<std::int64_t>(1, 256 - batch));
      }
      const StepTime exact = d.pricer.time(d.load, step);
      const double error = std::fabs(table_s / exact.seconds.central - 1);
      worst = std::max(worst, error);
      sum += error;
      CHECK(table_s > exact.floor_s);
    }
    CHECK(sum / cases < 0.003);
    CHECK(worst < 0.015);
  }
}

TEST_CASE("the cache gets what the memory model leaves, and a sequence the memory model admits fits into its blocks") {
  const Deployment d("llama-3-8b", "h100", 1);
  const MemoryModel memory(d.architecture, d.device);
  const CacheRoom room = cache_room(d.architecture, d.device, memory, d.load, 256, 2048, 16);
  CHECK(room.bytes_per_token == 131072);
  CHECK(room.window_tokens == 0);
  CHECK(room.bytes > 0.7 * (d.device.memory_bytes - 2 * 8030261248.0));
  CHECK(room.bytes < d.device.memory_bytes - 2 * 8030261248.0);
  CHECK(room.blocks == static_cast<std::int64_t>(room.bytes / (16 * 131072)));
  const Deployment window("phi-3-mini", "h100", 1);
  CHECK(cache_room(window.architecture, window.device, MemoryModel(window.architecture, window.device), window.load,
                   256, 2048, 16)
            .window_tokens == 2047);
  const Deployment large("llama-3-70b", "h100", 1);
  CHECK(cache_room(large.architecture, large.device, MemoryModel(large.architecture, large.device), large.load, 256,
                   2048, 16)
            .blocks == 0);
}

TEST_CASE(
    "no request is faster than its floor: one pass over its prompt, then its bytes over the bandwidth per token") {
  const Deployment d("llama-3-8b", "h100", 1);
  const PassTables tables = price_passes(d.pricer, d.load, {64, 2048, 16384});
  WorkloadOptions w;
  w.requests = 300;
  w.rate_per_s = 6;
  w.lengths = LengthShape::LogNormal;
  w.longest = 8000;
  const auto requests = make_requests(w, 1);
  EngineOptions engine;
  engine.max_sequences = 64;
  engine.blocks = 20000;
  for (const PassTable* table : {&tables.low, &tables.central, &tables.high}) {
    const auto served = serve_requests(*table, engine, {}, requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      CHECK(served.outcomes[i].ttft_s() > d.pricer.time(d.load, Step::prefill(1, requests[i].prompt)).floor_s);
      if (requests[i].output > 1)
        CHECK(served.outcomes[i].tpot_s() > decode_floor(d.architecture, d.device, d.load, requests[i].prompt).seconds);
    }
  }
}

TEST_CASE("one request alone is the closed form of batch 1") {
  const Deployment d("llama-3-8b", "h100", 1);
  ServingLoad load = d.load;
  load.prompt = 2048;
  load.generate = 256;
  const ServingAnswer answer = serve(d.pricer, MemoryModel(d.architecture, d.device), load, {});
  const PassTables tables = price_passes(d.pricer, load, {256, 2048, 4096});
  EngineOptions engine;
  engine.blocks = 1000;
  const auto served = serve_requests(tables.central, engine, {}, std::vector<Request>{{0, 2048, 256, -1, 0}});
  CHECK(agrees(served.outcomes[0].ttft_s(), answer.ttft_s.central, 2));
  CHECK(agrees(served.outcomes[0].tpot_s(), answer.tpot_s.central, 2.5));
}

TEST_CASE(
    "made-up workloads have the rate, the spread and the shares asked for, and longer lists begin with shorter ones") {
  WorkloadOptions w;
  w.requests = 20000;
  w.rate_per_s = 5;
  w.lengths = LengthShape::LogNormal;
  w.spread = 0.7;
  w.prompt_mean = 1000;
  w.prefix_share = 0.25;
  w.prefix_groups = 4;
  for (double burstiness : {1.0, 0.25}) {
    w.arrivals = burstiness == 1 ? ArrivalProcess::Poisson : ArrivalProcess::Gamma;
    w.burstiness = burstiness;
    const auto requests = make_requests(w, 3);
    double sum = 0, squares = 0, gaps = 0, gap_squares = 0;
    for (std::size_t i = 1; i < requests.size(); ++i) {
      const auto prompt = static_cast<double>(requests[i].prompt);
      const double gap = requests[i].arrival_s - requests[i - 1].arrival_s;
      sum += prompt, squares += prompt * prompt, gaps += gap, gap_squares += gap * gap;
      CHECK(requests[i].prefix_tokens == std::min<std::int64_t>(250, requests[i].prompt));
    }
    const auto n = static_cast<double>(requests.size() - 1);
    CHECK(std::fabs(sum / n / 1000 - 1) < 0.02);
    CHECK(std::fabs(std::sqrt(squares / n - sum * sum / n / n) / 700 - 1) < 0.05);
    CHECK(std::fabs(gaps / n * 5 - 1) < 0.05);
    // Squared coefficient of variation of gamma gaps: 1 / shape.
    CHECK(std::fabs((gap_squares / n - gaps * gaps / n / n) / (gaps * gaps / n / n) * burstiness - 1) < 0.1);
    WorkloadOptions fewer = w;
    fewer.requests = 100;
    const auto first = make_requests(fewer, 3);
    for (std::size_t i = 0; i < 100; ++i)
      CHECK((first[i].prompt == requests[i].prompt && first[i].arrival_s == requests[i].arrival_s));
  }
}
