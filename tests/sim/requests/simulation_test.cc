#include "isoflop/sim/requests/simulation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/random.h"
#include "isoflop/sim/requests/request_metrics.h"
#include "plain_simulator.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

/// t = fixed + per_token n + per_context C + per_pair (q c + q^2 / 2): linear, so the table holds it exactly but for
/// rounding.
PassTable table_of(double fixed, double per_token, double per_context = 0, PassLimits limits = {64, 4096, 16384}) {
  PassParts parts;
  parts.fixed_s = fixed;
  parts.tokens_s = [=](std::int64_t n) { return per_token * static_cast<double>(n); };
  parts.sampling_s = [](std::int64_t) { return 0.0; };
  parts.decode_attention_s = [=](std::int64_t b, std::int64_t c) { return per_context * static_cast<double>(b * c); };
  parts.prompt_extra_s = [=](std::int64_t q, std::int64_t c) {
    return per_context * (static_cast<double>(q * c) + 0.5 * static_cast<double>(q * q)) / 64;
  };
  return PassTable(limits, parts);
}

Request request(double arrival_s, std::int64_t prompt, std::int64_t output, std::int64_t prefix = -1,
                std::int64_t prefix_tokens = 0) {
  return {arrival_s, prompt, output, prefix, prefix_tokens};
}

EngineOptions engine_of(std::int64_t sequences, std::int64_t step_tokens, std::int64_t blocks) {
  EngineOptions engine;
  engine.max_sequences = sequences;
  engine.step_tokens = step_tokens;
  engine.blocks = blocks;
  return engine;
}

bool equal_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

struct Case {
  EngineOptions engine;
  FleetOptions fleet;
  std::vector<Request> requests;
  std::int64_t concurrency = 0;
};

/// Small and hostile on purpose: few blocks, ties in time, lengths around block and window ends, shared prefixes.
Case drawn_case(std::uint64_t seed) {
  Random random(seed, 7);
  const auto between = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random.index(static_cast<std::size_t>(high - low + 1)));
  };
  Case c;
  c.engine.max_sequences = between(1, 12);
  c.engine.step_tokens = c.engine.max_sequences + between(0, random.coin() ? 8 : 300);
  c.engine.block_tokens = between(1, 16);
  c.engine.blocks = between(1, 60);
  c.engine.window_tokens = random.coin() ? 0 : between(1, 50);
  if (random.coin()) c.engine.window_tokens = 0;
  c.engine.prefill_first = random.coin();
  c.engine.prefix_cache = random.coin();
  c.fleet.replicas = between(1, 3);
  c.fleet.prefill_replicas = random.coin() ? 0 : between(0, 2);
  c.fleet.routing = static_cast<RoutingPolicy>(between(0, 2));
  c.fleet.transfer_fixed_s = random.coin() ? 0 : 0.01;
  c.fleet.transfer_s_per_token = random.coin() ? 0 : 1e-4;
  c.concurrency = random.coin() ? 0 : between(1, 9);
  const auto count = between(0, 40);
  double time = 0;
  const auto longest = between(1, 120);
  for (std::int64_t i = 0; i < count; ++i) {
    if (random.coin()) time += static_cast<double>(between(0, 20)) * 0.01;
    Request r = request(random.coin() ? time : time * random.uniform(), between(1, longest), between(1, longest));
    if (random.coin()) {
      r.prefix = between(0, 2);
      r.prefix_tokens = std::min(r.prompt, random.coin() ? 32 : between(0, 60));
    }
    c.requests.push_back(r);
  }
  return c;
}

std::string difference(const PassTable& table, const Case& c) {
  const ServedRequests fast = serve_requests(table, c.engine, c.fleet, c.requests, c.concurrency);
  const plain::Served slow = plain::serve(table, c.engine, c.fleet, c.requests, c.concurrency);
  for (std::size_t i = 0; i < c.requests.size(); ++i) {
    const Outcome &a = fast.outcomes[i], &b = slow.outcomes[i];
    const std::string at = "request " + std::to_string(i) + ": ";
    if (a.refused != b.refused) return at + "refused";
    if (a.tokens != b.tokens) return at + "tokens";
    if (a.finishes != b.finishes) return at + "finishes";
    if (a.preemptions != b.preemptions) return at + "preemptions";
    if (a.cached_tokens != b.cached_tokens) return at + "cached tokens";
    if (a.replica != b.replica) return at + "replica";
    if (!equal_bits(a.arrival_s, b.arrival_s)) return at + "arrival";
    if (!equal_bits(a.first_token_s, b.first_token_s)) return at + "first token";
    if (!equal_bits(a.finish_s, b.finish_s)) return at + "finish";
  }
  if (fast.totals.passes != slow.passes) return "passes";
  if (fast.totals.decode_tokens != slow.decode_tokens) return "decode tokens";
  if (fast.totals.preemptions != slow.preemptions) return "preemptions";
  if (fast.gaps.count() != static_cast<std::int64_t>(slow.gaps.size())) return "number of gaps";
  if (!slow.gaps.empty()) {
    std::vector<double> gaps = slow.gaps;
    std::sort(gaps.begin(), gaps.end());
    if (!equal_bits(fast.gaps.max_s(), gaps.back())) return "largest gap";
    const double middle = gaps[(gaps.size() - 1) / 2];
    if (std::fabs(fast.gaps.quantile_s(0.5) - middle) > 0.003 * middle) return "median gap";
  }
  const RequestMetrics m = request_metrics(fast, c.requests, {});
  if (!m.conserved) return "conservation";
  if (m.little_error.value_or(0) > 1e-9) return "Little's law";
  return {};
}

}  // namespace

TEST_CASE("the event-skipping simulator agrees to the bit with a plain one-pass-at-a-time loop on hostile cases") {
  const PassTable table = table_of(1e-3, 1e-4, 1e-6);
  std::int64_t preempted = 0, shared = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    const Case c = drawn_case(seed);
    CAPTURE(seed);
    const std::string text = difference(table, c);
    if (!text.empty()) FAIL(text);
    const ServedRequests served = serve_requests(table, c.engine, c.fleet, c.requests, c.concurrency);
    preempted += served.totals.preemptions > 0;
    shared += served.totals.cached_tokens > 0;
  }
  CHECK(preempted > 300);
  CHECK(shared > 100);
}

TEST_CASE("a closed loop of equal requests follows the schedule worked out by hand") {
  // Two clients, four requests of 4 + 3 tokens, passes of at most 4 tokens, 1 s a pass whatever is in it.
  // t = 0..1  A's prompt (4 of 4 tokens)                    A: token 1 at 1
  // t = 1..2  A decodes, B gets 3 of 4 prompt tokens         A: token 2 at 2
  // t = 2..3  A decodes, B gets the last                     A: token 3 at 3, done; B: token 1 at 3; C arrives at 3
  // t = 3..4  B decodes, C gets 3                            B: token 2 at 4
  // t = 4..5  B decodes, C gets 1                            B: done at 5; C: token 1 at 5; D arrives at 5
  // t = 5..6, 6..7 likewise                                  C: done at 7; D: token 1 at 7; then alone: tokens at 8 and
  // 9
  const PassTable table = table_of(1, 0);
  EngineOptions engine = engine_of(4, 4, 100);
  const std::vector<Request> requests(4, request(0, 4, 3));
  const auto served = serve_requests(table, engine, {}, requests, 2);
  const double arrivals[] = {0, 0, 3, 5}, firsts[] = {1, 3, 5, 7}, ends[] = {3, 5, 7, 9};
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    CHECK(served.outcomes[i].arrival_s == arrivals[i]);
    CHECK(served.outcomes[i].first_token_s == firsts[i]);
    CHECK(served.outcomes[i].finish_s == ends[i]);
  }
  CHECK(served.totals.passes == 9);
  CHECK(served.totals.busy_s == 9);
}

TEST_CASE("whole prompts first: nobody decodes in a pass of prompts") {
  // A's prompt 0..1, B and C arrive at 0.5: both prompts 1..2, then A, B, C decode 2..3.
  EngineOptions engine = engine_of(4, 100, 100);
  engine.prefill_first = true;
  const auto served = serve_requests(table_of(1, 0), engine, {},
                                     std::vector<Request>{request(0, 4, 2), request(0.5, 4, 2), request(0.5, 4, 2)});
  CHECK(served.outcomes[0].first_token_s == 1);
  CHECK(served.outcomes[1].first_token_s == 2);
  CHECK(served.outcomes[2].first_token_s == 2);
  for (const Outcome& o : served.outcomes) CHECK(o.finish_s == 3);
}

TEST_CASE("when blocks run out the last admitted is thrown out and recomputes all it had") {
  // 4 blocks of 4 tokens; A and B of 6 + 8 tokens take 2 each. At 8 cached tokens both need a third: B goes.
  // Passes: 0 prompts; 1, 2 decode both (cached 7, 8; three tokens each); then A alone: tokens 4 to 8 in 5 passes, ends
  // at 8. B: recomputes 6 + 3 = 9 tokens when A has left (3 blocks are not free before), token 4 at 9, done at 13.
  EngineOptions engine = engine_of(4, 64, 4);
  engine.block_tokens = 4;
  const auto served = serve_requests(table_of(1, 0), engine, {}, std::vector<Request>(2, request(0, 6, 8)));
  CHECK(served.totals.preemptions == 1);
  CHECK(served.outcomes[1].preemptions == 1);
  CHECK(served.outcomes[0].finish_s == 8);
  CHECK(served.outcomes[1].finish_s == 13);
  CHECK(served.totals.prompt_tokens == 6 + 6 + 9);
  CHECK(served.gaps.max_s() == 6);  // B's third token came at 3, its fourth at 9
}

TEST_CASE("a stored prefix is computed once, counted once and given up when its blocks are needed") {
  EngineOptions engine = engine_of(1, 64, 8);  // one at a time, 8 blocks of 16
  const PassTable table = table_of(0, 1);      // a second per token
  // 40 tokens, 32 of them shared: the first computes 40, the second 8; a stranger of 120 tokens needs every block.
  const std::vector<Request> requests = {request(0, 40, 1, 5, 32), request(0, 40, 1, 5, 32), request(0, 120, 1),
                                         request(0, 40, 1, 5, 32)};
  const auto served = serve_requests(table, engine, {}, requests);
  CHECK(served.outcomes[0].finish_s == 40);
  CHECK(served.outcomes[1].finish_s == 48);
  CHECK(served.outcomes[2].finish_s == 168);
  CHECK(served.outcomes[3].finish_s == 208);
  CHECK(served.outcomes[1].cached_tokens == 32);
  CHECK(served.outcomes[3].cached_tokens == 0);
  engine.prefix_cache = false;
  CHECK(serve_requests(table, engine, {}, requests).outcomes[1].cached_tokens == 0);
}

TEST_CASE("disaggregated: prompts do not disturb decoding, and the cache travels over one link in turn") {
  FleetOptions fleet;
  fleet.prefill_replicas = 1;
  fleet.transfer_fixed_s = 0.25;
  fleet.transfer_s_per_token = 0.0625;  // 4 tokens: 0.5 s in all
  // Both prompts in one pass of a second; transfers end at 1.5 and 2; each decode pass takes a second.
  const auto served =
      serve_requests(table_of(1, 0), engine_of(4, 64, 100), fleet, std::vector<Request>(2, request(0, 4, 3)));
  CHECK(served.outcomes[0].first_token_s == 1);
  CHECK(served.outcomes[1].first_token_s == 1);
  CHECK(served.outcomes[0].finish_s == 3.5);  // 1.5..2.5..3.5
  CHECK(served.outcomes[1].finish_s == 4.5);  // joins at 2.5
  CHECK(served.by_replica[0].prompt_tokens == 0);
  CHECK(served.by_replica[1].decode_tokens == 0);
}

TEST_CASE("M/D/1 and M/M/1: mean waiting times are those of Pollaczek and Khinchine") {
  // One sequence at a time, one output token: service is the prompt's pass, here 1 s per 1000 tokens.
  constexpr std::size_t count = 100000;
  const PassTable table = table_of(0, 1e-3, 0, {1, 1 << 15, 1 << 15});
  EngineOptions engine = engine_of(1, 1 << 15, 1 << 12);
  for (double load : {0.5, 0.8}) {
    for (bool exponential : {false, true}) {
      CAPTURE(load);
      CAPTURE(exponential);
      Random random(11, exponential);
      std::vector<Request> requests;
      double time = 0, services = 0, squares = 0;
      for (std::size_t i = 0; i < count; ++i) {
        time += random.exponential() / load;
        const double draw = exponential ? std::min(30.0, random.exponential()) : 1;
        requests.push_back(request(time, std::max<std::int64_t>(1, std::llround(1000 * draw)), 1));
        services += static_cast<double>(requests.back().prompt) / 1000;
        squares += std::pow(static_cast<double>(requests.back().prompt) / 1000, 2);
      }
      const auto served = serve_requests(table, engine, {}, requests);
      double waited = 0;
      for (const Outcome& o : served.outcomes) waited += o.admitted_s - o.arrival_s;
      const double mean = waited / count;
      // W = lambda E[S^2] / (2 (1 - rho)); the standard error of 100,000 correlated waits is about 1.5 % at rho 0.8.
      const double moment = squares / count, rho = load * services / count;
      CHECK(std::fabs(mean / (load * moment / (2 * (1 - rho))) - 1) < 0.05);
      const double textbook = exponential ? load / (1 - load) : load / (2 * (1 - load));
      CHECK(std::fabs(mean / textbook - 1) < 0.06);
      CHECK(std::fabs(request_metrics(served, requests, {}).utilisation - load) < 0.01);
    }
  }
}

TEST_CASE("Little's law and conservation hold under overload, preemption and several replicas") {
  const PassTable table = table_of(1e-3, 1e-5, 1e-8);
  Random random(3);
  std::vector<Request> requests;
  for (int i = 0; i < 2000; ++i)
    requests.push_back(request(random.uniform(0, 5), 1 + static_cast<std::int64_t>(random.index(600)),
                               1 + static_cast<std::int64_t>(random.index(300))));
  FleetOptions fleet;
  fleet.replicas = 3;
  const auto served = serve_requests(table, engine_of(32, 256, 700), fleet, requests);
  const RequestMetrics m = request_metrics(served, requests, {});
  CHECK(m.preemptions > 0);
  CHECK(m.conserved);
  CHECK(m.finished == 2000);
  REQUIRE(m.little_error);
  CHECK(*m.little_error < 1e-9);
  CHECK(agrees(m.mean_running + m.mean_waiting, m.requests_per_s * m.e2e.mean_s, 9));
  std::int64_t output = 0, gaps = 0;
  for (const Request& r : requests) output += r.output, gaps += r.output - 1;
  CHECK(m.output_tokens == output);
  CHECK(served.gaps.count() == gaps);
}

TEST_CASE("requests that no replica can hold are refused, not served and not lost") {
  const std::vector<Request> requests = {request(0, 10, 10), request(0, 2000, 10), request(0, 10, 10)};
  for (std::int64_t concurrency : {0, 1, 2}) {
    const auto served = serve_requests(table_of(1, 0), engine_of(4, 64, 10), {}, requests, concurrency);
    CHECK(served.outcomes[1].refused);
    const RequestMetrics m = request_metrics(served, requests, {});
    CHECK(m.refused == 1);
    CHECK(m.finished == 2);
    CHECK(m.conserved);
  }
}

TEST_CASE("options and requests that cannot be are refused by name") {
  const PassTable table = table_of(1, 0);
  const std::vector<Request> one = {request(0, 4, 4)};
  CHECK_THROWS_AS(serve_requests(table, engine_of(4, 64, 0), {}, one), Error);
  CHECK_THROWS_AS(serve_requests(table, engine_of(8, 4, 10), {}, one), Error);
  CHECK_THROWS_AS(serve_requests(table, engine_of(128, 256, 10), {}, one), Error);
  FleetOptions none;
  none.replicas = 0;
  CHECK_THROWS_AS(serve_requests(table, engine_of(4, 64, 10), none, one), Error);
  for (const Request& bad : {request(-1, 4, 4), request(0, 0, 4), request(0, 4, 0), request(NAN, 4, 4),
                             request(0, 20000, 4), request(0, 4, INT64_MAX)})
    CHECK_THROWS_AS(serve_requests(table, engine_of(4, 64, 10), {}, std::vector<Request>{bad}), Error);
}

TEST_SUITE("slow") {
  TEST_CASE("100000 hostile cases neither crash nor lose a request and agree with the plain loop") {
    const PassTable table = table_of(1e-3, 1e-4, 1e-6);
    for (std::uint64_t seed = 10000; seed < 110000; ++seed) {
      CAPTURE(seed);
      const std::string text = difference(table, drawn_case(seed));
      if (!text.empty()) FAIL(text);
    }
  }
}
