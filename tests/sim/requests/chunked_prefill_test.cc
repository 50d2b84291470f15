// The steady state of chunked prefill in closed form against the request simulator, which shares its pass times and
// nothing else: deterministic lengths, a closed loop, the second half of the requests.
#include "isoflop/sim/serving/chunked_prefill.h"

#include <doctest/doctest.h>

#include <cmath>

#include "isoflop/error.h"
#include "isoflop/sim/requests/closed_form_passes.h"
#include "isoflop/sim/requests/simulation.h"
#include "isoflop/sim/requests/workload.h"
#include "isoflop/sim/serving/serving.h"
#include "sim/serving/served.h"

using namespace isoflop;
using namespace isoflop::sim;
using namespace isoflop::test;

namespace {

struct Point {
  const char* model;
  std::int64_t clients, prompt, generate, step_tokens, tp;
};

ServingLoad load_of(const Point& p) {
  ServingLoad load;
  load.batch = p.clients;
  load.prompt = p.prompt;
  load.generate = p.generate;
  load.tensor_parallel = p.tp;
  return load;
}

struct Simulated {
  double ttft_s = 0, tpot_s = 0;
};
Simulated simulate(const StepPricer& pricer, const Point& p) {
  WorkloadOptions workload;
  workload.requests = 12 * p.clients;
  workload.rate_per_s = 0;
  workload.prompt_mean = static_cast<double>(p.prompt);
  workload.output_mean = static_cast<double>(p.generate);
  EngineOptions engine;
  engine.step_tokens = p.step_tokens;
  engine.max_sequences = std::max<std::int64_t>(256, p.clients);
  engine.blocks = std::int64_t{1} << 24;
  const PassTables tables =
      price_passes(pricer, load_of(p), {engine.max_sequences, p.step_tokens, p.prompt + p.generate});
  const auto requests = make_requests(workload, 42);
  const ServedRequests served = serve_requests(tables.central, engine, {}, requests, p.clients);
  Simulated mean;
  const std::size_t first = requests.size() / 2, last = requests.size() - static_cast<std::size_t>(p.clients);
  for (std::size_t i = first; i < last; ++i) {
    mean.ttft_s += served.outcomes[i].ttft_s() / static_cast<double>(last - first);
    mean.tpot_s += served.outcomes[i].tpot_s() / static_cast<double>(last - first);
  }
  return mean;
}

}  // namespace

TEST_CASE("the steady state of chunked prefill is that of the request simulator, prompts keeping up or not") {
  for (const Point& p : {Point{"llama-3-8b", 16, 1024, 256, 512, 1}, Point{"llama-3-8b", 32, 2048, 512, 1024, 1},
                         Point{"llama-3-8b", 8, 8192, 512, 2048, 1}, Point{"llama-3-70b", 32, 1024, 512, 2048, 4},
                         Point{"mixtral-8x7b", 16, 1024, 512, 1024, 2}, Point{"llama-3-8b", 64, 4096, 128, 1024, 1},
                         Point{"llama-3-8b", 128, 2048, 128, 2048, 1}, Point{"llama-3-8b", 1, 2048, 64, 512, 1}}) {
    CAPTURE(p.model);
    CAPTURE(p.clients);
    CAPTURE(p.prompt);
    CAPTURE(p.step_tokens);
    const Architecture a = model(p.model);
    const StepPricer pricer(a, h100(), profile());
    const ChunkedServing closed = chunked_serving(pricer, load_of(p), p.step_tokens);
    const Simulated simulated = simulate(pricer, p);
    CAPTURE(closed.saturated);
    MESSAGE(std::string(p.model) << " " << p.clients << " clients, " << p.prompt << "+" << p.generate << ", passes of "
                    << p.step_tokens << std::string(closed.saturated ? ", saturated" : "") << ": TPOT "
                    << closed.tpot_s.central / simulated.tpot_s << ", TTFT "
                    << closed.ttft_s.central / simulated.ttft_s << " of simulated");
    CHECK(std::fabs(closed.tpot_s.central / simulated.tpot_s - 1) < 0.02);
    // Where more than one prompt fits into a pass, some begin in one and end in the next; that is not counted.
    CHECK(std::fabs(closed.ttft_s.central / simulated.ttft_s - 1) < (2 * p.step_tokens > 3 * p.prompt ? 0.25 : 0.03));
  }
}

TEST_CASE("one client never shares a pass, and decoding alone is a lower limit") {
  const Architecture a = model("llama-3-8b");
  const StepPricer pricer(a, h100(), profile());
  ServingLoad load = load_of({"", 1, 2048, 64, 512, 1});
  const ChunkedServing alone = chunked_serving(pricer, load, 512);
  CHECK(alone.decoding == 0);
  CHECK(alone.tpot_s.central == pricer.time(load, Step::decode(1, 2048 + 32)).seconds.central);
  load.batch = 16;
  const ChunkedServing shared = chunked_serving(pricer, load, 512);
  CHECK(shared.tpot_s.central > pricer.time(load, Step::decode(16, 2048 + 32)).seconds.central);
  CHECK(shared.whole_prompt_gap_s.central > shared.longest_gap_s.central);
  CHECK(shared.tpot_s.low >= shared.tpot_floor_s);
  CHECK(shared.ttft_s.low >= shared.ttft_floor_s * (1 - 1e-9));
  CHECK_THROWS_AS(chunked_serving(pricer, load, 16), Error);
  load.pipeline_parallel = 2;
  CHECK_THROWS_AS(chunked_serving(pricer, load, 512), Error);
}
