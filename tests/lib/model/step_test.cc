#include "isoflop/model/step.h"

#include <numeric>

#include "agrees.h"
#include "isoflop/model/naive_values.h"
#include "isoflop/random.h"

using namespace isoflop;

TEST_CASE("attention pairs agree with counting every pair, whatever window, sinks, chunk and context") {
  for (const std::int64_t q : {1, 2, 7, 16})
    for (const std::int64_t c : {0, 1, 5, 19})
      for (const std::int64_t window : {0, 1, 4, 9, 100})
        for (const std::int64_t sinks : {0, 3})
          for (const std::int64_t chunk : {0, 6}) {
            if (chunk > 0 && sinks > 0) continue;
            AttentionCore core{};
            core.causal = true;
            core.window = window;
            core.sink_tokens = window > 0 ? sinks : 0;
            core.chunk = chunk;
            double pairs = 0;
            std::int64_t keys = 0;
            for (std::int64_t j = 0; j < c + q; ++j) {
              bool read = false;
              for (std::int64_t i = 0; i < q; ++i) {
                const bool seen = naive::sees(core, c + i, j);
                pairs += seen;
                read = read || seen;
              }
              keys += read;
            }
            CAPTURE(q);
            CAPTURE(c);
            CAPTURE(window);
            CAPTURE(sinks);
            CAPTURE(chunk);
            CHECK(attention_pairs(q, c, window, core.sink_tokens, chunk, true) == pairs);
            CHECK(attention_keys_read(q, c, window, core.sink_tokens, chunk, true) == static_cast<double>(keys));
          }
}

TEST_CASE("the four closed forms of the pair count hold") {
  CHECK(attention_pairs(100, 0, 0, 0, 0, false) == 100 * 100);
  CHECK(attention_pairs(100, 0, 0, 0, 0, true) == 100 * 101 / 2);
  const double w = 20 + 4;
  CHECK(attention_pairs(100, 0, 20, 4, 0, true) == 100 * w - w * (w - 1) / 2);
  CHECK(attention_pairs(1, 99, 20, 4, 0, true) == 24);
  CHECK(attention_pairs(30, 50, 0, 0, 0, true) == 30 * 50 + 30 * 31 / 2);
}

TEST_CASE("expected distinct experts are the published ones") {
  const Routing uniform;
  CHECK(agrees(expected_distinct_experts(8, 2, 4, uniform), 5.5, 2.2));
  CHECK(agrees(expected_distinct_experts(8, 2, 8, uniform), 7.2, 2));
  CHECK(agrees(expected_distinct_experts(16, 4, 4, uniform), 10.9, 2.2));
  CHECK(agrees(expected_distinct_experts(128, 2, 8, uniform), 15.2, 2.2));
  CHECK(expected_distinct_experts(8, 2, 1, uniform) == 2);
}

TEST_CASE("expected distinct experts agree with drawing k of E for every token") {
  Random random(1);
  double sum = 0;
  const int trials = 20000;
  for (int t = 0; t < trials; ++t) {
    std::vector<bool> touched(16, false);
    for (int token = 0; token < 5; ++token) {
      std::vector<int> experts(16);
      std::iota(experts.begin(), experts.end(), 0);
      for (std::size_t i = 0; i < 4; ++i) {
        std::swap(experts[i], experts[i + random.index(16 - i)]);
        touched[static_cast<std::size_t>(experts[i])] = true;
      }
    }
    sum += static_cast<double>(std::count(touched.begin(), touched.end(), true));
  }
  CHECK(std::fabs(sum / trials - expected_distinct_experts(16, 4, 5, {})) < 0.03);
}

TEST_CASE("skewed routing touches fewer experts and loads one group more") {
  double before = 1e9;
  for (const double skew : {0.0, 0.3, 0.6, 1.0, 1.5}) {
    const double distinct = expected_distinct_experts(64, 6, 20, {skew});
    CHECK(distinct < before);
    CHECK(distinct >= 6);
    before = distinct;
  }
  CHECK(agrees(expected_distinct_experts(64, 6, 20, {1e-9}), expected_distinct_experts(64, 6, 20, {0}), 6));
  CHECK(expert_group_imbalance(64, 6, 8, {0}) == 1);
  CHECK(expert_group_imbalance(64, 6, 8, {1.0}) > 1.1);
}
