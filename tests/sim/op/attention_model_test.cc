#include "isoflop/sim/op/attention_model.h"

#include <algorithm>
#include <cmath>

#include "agrees.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const DeviceLimits h100{989e12, 3.35e12, 132, 450e9, 50e9};

// Every (query, key) pair looked at on its own.
double counted_pairs(const AttentionShape& s) {
  double pairs = 0;
  for (double q = 0; q < s.new_tokens; ++q)
    for (double k = 0; k < s.cached_tokens + s.new_tokens; ++k) {
      const double at = s.cached_tokens + q;
      if (k <= at && (s.window <= 0 || at - k < s.window)) ++pairs;
    }
  return s.sequences * pairs;
}

AttentionShape prefill(double sequences, double tokens, double cached = 0, double window = 0) {
  return {false, sequences, tokens, cached, 32, 8, 128, window, 2};
}

}  // namespace

TEST_CASE("pairs agree with counting them one by one: causal, windowed, with and without a cache") {
  for (double tokens : {1.0, 2.0, 17.0, 64.0})
    for (double cached : {0.0, 5.0, 40.0})
      for (double window : {0.0, 1.0, 8.0, 50.0, 1000.0}) {
        const auto shape = prefill(3, tokens, cached, window);
        CAPTURE(tokens); CAPTURE(cached); CAPTURE(window);
        CHECK(attention_pairs(shape) == counted_pairs(shape));
      }
}

TEST_CASE("tiles visit every allowed pair and at most one more tile at either edge") {
  for (double tokens : {1.0, 100.0, 500.0, 4096.0})
    for (double window : {0.0, 128.0, 1000.0}) {
      const auto shape = prefill(2, tokens, 0, window);
      const auto tiles = prefill_tiles(shape);
      CHECK(tiles.pairs >= shape.heads * attention_pairs(shape));
      // 128 packed rows see at most 128 keys too many at each end of their span, and the last tile may be partly empty.
      CHECK(tiles.pairs <= shape.heads * attention_pairs(shape) + tiles.tiles * 128.0 * 3 * 128);
    }
}

TEST_CASE("grouped query heads share tiles: four heads of 32 tokens fill one") {
  CHECK(prefill_tiles(prefill(1, 32)).tiles == 8);  // 8 key heads, one tile each
  CHECK(prefill_tiles(prefill(1, 33)).tiles == 16);
}

TEST_CASE("attention is never faster than its arithmetic or its bytes, whatever the constants") {
  Random random(21);
  for (int i = 0; i < 2000; ++i) {
    AttentionShape shape;
    shape.decode = i % 2 == 0;
    const auto draw = [&](double low, double high) {
      return std::floor(std::exp(random.uniform(std::log(low), std::log(high))));
    };
    shape.sequences = draw(1, 500);
    shape.new_tokens = shape.decode ? 1 : draw(1, 5000);
    shape.cached_tokens = shape.decode ? draw(1, 50000) : 0;
    shape.kv_heads = draw(1, 9);
    shape.heads = shape.kv_heads * draw(1, 9);
    shape.window = random.coin() ? 0 : draw(10, 5000);
    std::vector<double> values;
    for (const auto& c : attention_constants(shape.decode))
      values.push_back(std::exp(random.uniform(std::log(c.low), std::log(c.high))));
    const OpCost cost = attention_cost(shape, h100, values);
    CHECK(cost.seconds >= cost.floor_s);
  }
}

TEST_CASE("a longer context and a larger batch never make attention faster, more bandwidth never slower") {
  const auto values = generic_attention_values(true);
  double before = 0;
  for (double context = 128; context <= 65536; context *= 2) {
    AttentionShape shape{true, 16, 1, context, 32, 8, 128, 0, 2};
    const double now = attention_cost(shape, h100, values).seconds;
    CHECK(now >= before);
    before = now;
    DeviceLimits faster = h100;
    faster.bandwidth_bytes_per_s *= 2;
    CHECK(attention_cost(shape, faster, values).seconds <= now);
    shape.sequences *= 2;
    CHECK(attention_cost(shape, h100, values).seconds >= now);
  }
}

TEST_CASE("a window caps the time of decoding, but for its own start") {
  const auto values = generic_attention_values(true);
  const AttentionShape windowed{true, 64, 1, 65536, 32, 8, 128, 1024, 2};
  AttentionShape shorter = windowed;
  shorter.cached_tokens = 4096;
  AttentionShape full = windowed;
  full.window = 0;
  CHECK(agrees(attention_cost(windowed, h100, values).seconds, attention_cost(shorter, h100, values).seconds, 12));
  CHECK(attention_cost(full, h100, values).seconds > 10 * attention_cost(windowed, h100, values).seconds);
}

TEST_CASE("prefill of long sequences costs the causal half of the arithmetic, not all of it") {
  const auto values = generic_attention_values(false);
  const auto shape = prefill(1, 32768);
  const double flop_s = 4 * 32 * 128 * 32768.0 * 32768 / h100.peak_flop_per_s;
  const OpCost cost = attention_cost(shape, h100, values);
  CHECK(agrees(cost.arithmetic_s, flop_s / 2, 4));
  CHECK(cost.bound == Bound::Compute);
}
