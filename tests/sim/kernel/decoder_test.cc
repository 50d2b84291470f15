#include "isoflop/sim/kernel/decoder.h"

#include <doctest/doctest.h>

#include <cmath>

#include "isoflop/error.h"
#include "isoflop/random.h"
#include "lib/model/small_models.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

std::vector<float> random_weights(const Architecture& a) {
  const WeightLayout layout = weight_layout(a);
  Random random(3);
  std::vector<float> w(layout.count());
  for (auto& x : w) x = static_cast<float>(0.3 * random.normal());
  return w;
}

std::vector<std::int32_t> random_ids(const Architecture& a, std::size_t count) {
  Random random(4);
  std::vector<std::int32_t> ids(count);
  for (auto& id : ids) id = static_cast<std::int32_t>(random.index(static_cast<std::size_t>(a.vocabulary)));
  return ids;
}

bool is_executable(const Architecture& a) {
  try {
    check_executable(a);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Largest difference of two rows of logits relative to their size.
double difference(const float* a, const float* b, std::size_t n) {
  double most = 0, size = 0;
  for (std::size_t i = 0; i < n; ++i) {
    most = std::max(most, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    size = std::max(size, std::fabs(static_cast<double>(b[i])));
  }
  return most / (size + 1e-9);
}

}  // namespace

TEST_CASE("decoding token by token gives the logits of one prefill, for every block and batch") {
  const std::size_t batch = 2, prompt = 3, length = 9;
  std::size_t models = 0;
  for (const auto& architecture : test::small_models()) {
    if (!is_executable(architecture)) continue;
    ++models;
    CAPTURE(architecture.name);
    const auto weights = random_weights(architecture);
    const auto ids = random_ids(architecture, batch * length);
    Decoder decoder(architecture, weights, {batch, prompt, length, WeightFormat::Fp32, Precision::Fp32, 2});
    std::vector<std::int32_t> first;
    for (std::size_t b = 0; b < batch; ++b)
      first.insert(first.end(), ids.begin() + static_cast<std::ptrdiff_t>(b * length),
                   ids.begin() + static_cast<std::ptrdiff_t>(b * length + prompt));
    decoder.prefill(first);
    for (std::size_t t = prompt; t < length; ++t) {
      const View logits = decoder.decode({ids[t], ids[length + t]});
      std::vector<std::int32_t> whole;
      for (std::size_t b = 0; b < batch; ++b)
        whole.insert(whole.end(), ids.begin() + static_cast<std::ptrdiff_t>(b * length),
                     ids.begin() + static_cast<std::ptrdiff_t>(b * length + t + 1));
      Decoder at_once(architecture, weights, {batch, t + 1, t + 2, WeightFormat::Fp32, Precision::Fp32, 1});
      const View expected = at_once.prefill(whole);
      for (std::size_t b = 0; b < batch; ++b) CHECK(difference(logits.row(b), expected.row(b), logits.width) < 1e-5);
    }
    CHECK(decoder.tokens() == length);
    CHECK_THROWS_AS(decoder.decode({0, 0}), Error);
  }
  CHECK(models == test::small_models().size() - 2);  // query experts, prediction layers
}

TEST_CASE("coarser weight formats move the logits more, and bf16 only a little") {
  const auto architecture = test::llama("wide", 2, 64, 4, 2, 128, 32);
  const auto weights = random_weights(architecture);
  const auto ids = random_ids(architecture, 6);
  double error[4];
  std::vector<float> reference;
  for (const auto format : {WeightFormat::Fp32, WeightFormat::Bf16, WeightFormat::Int8, WeightFormat::Int4}) {
    Decoder decoder(architecture, weights, {1, 5, 8, format, Precision::Fp32, 1});
    decoder.prefill({ids.begin(), ids.begin() + 5});
    const View logits = decoder.decode({ids[5]});
    if (format == WeightFormat::Fp32) reference.assign(logits.row(0), logits.row(0) + logits.width);
    error[static_cast<int>(format)] = difference(logits.row(0), reference.data(), logits.width);
  }
  CHECK(error[0] == 0);
  CHECK(error[1] < 0.05);
  CHECK(error[1] > 0);
  CHECK(error[2] < error[3]);
  CHECK(error[3] < 1.5);
}

TEST_CASE("a decode step reads every weight once") {
  const auto architecture = test::llama("wide", 2, 64, 4, 2, 128, 32);
  Decoder decoder(architecture, random_weights(architecture), {1, 4, 8, WeightFormat::Fp32, Precision::Fp32, 1});
  decoder.prefill(random_ids(architecture, 4));
  const double qkv = 64 * (64 + 2 * 32), out = 64 * 64, mlp = 3 * 64 * 128, head = 32 * 64;
  const double kv = 2 * 2 * 32 * (4 + 1 + 1);  // two layers, keys and values, five tokens read and one written
  CHECK(decoder.step_bytes() == 4 * (2 * (qkv + out + mlp) + head) + 4 * kv);
}

TEST_CASE("prefill and decoding give the same bits on any number of threads") {
  const auto architecture = test::llama("shared", 2, 64, 4, 2, 128, 32);
  const auto weights = random_weights(architecture);
  const auto ids = random_ids(architecture, 2 * 70);
  std::vector<float> expected;
  for (const int threads : {1, 2, 3}) {
    Decoder decoder(architecture, weights, {2, 70, 74, WeightFormat::Bf16, Precision::Fp32, threads});
    std::vector<float> seen;
    const auto note = [&](View logits) {
      for (std::size_t r = 0; r < logits.rows; ++r)
        seen.insert(seen.end(), logits.row(r), logits.row(r) + logits.width);
    };
    note(decoder.prefill(ids));
    note(decoder.decode({1, 2}));
    decoder.set_threads(4 - threads);
    note(decoder.decode({3, 4}));
    if (threads == 1) expected = seen;
    else CHECK(seen == expected);
  }
}

namespace {

Architecture latent_model() {
  Architecture a = test::llama("latent", 2, 64, 2, 2, 128, 64);
  for (Layer& layer : a.layers) {
    layer.attention = Attention{};
    layer.attention.heads = layer.attention.kv_heads = 2;
    layer.attention.latent = LatentAttention{64, 64, 32, 32, 32};
  }
  return a;
}

}  // namespace

TEST_CASE("latent attention decodes with the rounded weights that its prompt saw, absorbed or expanded") {
  const Architecture a = latent_model();
  const auto weights = random_weights(a);
  const auto ids = random_ids(a, 9);
  for (const auto format : {WeightFormat::Fp32, WeightFormat::Bf16}) {
    Decoder decoder(a, weights, {1, 8, 12, format, Precision::Fp32, 2});
    decoder.prefill({ids.begin(), ids.begin() + 8});
    const View logits = decoder.decode({ids[8]});
    Decoder at_once(a, weights, {1, 9, 12, format, Precision::Fp32, 1});
    CHECK(difference(logits.row(0), at_once.prefill(ids).row(0), logits.width) < 1e-5);
  }
}

TEST_CASE("a decode step of latent attention reads the latents once and the up-projection in fp32") {
  const Architecture a = latent_model();
  const double down = 64 * (64 + 64 + 32), query = 64 * 2 * 64, up = 2 * (32 + 32) * 64, out = 64 * 64,
               mlp = 3 * 64 * 128, head = 64 * 64;
  const double latents = 2 * (64 + 32) * (4 + 1 + 1);  // two layers, five tokens read and one written
  const auto bytes = [&](WeightFormat format) {
    Decoder decoder(a, random_weights(a), {1, 4, 8, format, Precision::Fp32, 1});
    decoder.prefill(random_ids(a, 4));
    return decoder.step_bytes();
  };
  const double others = 2 * (down + query + out + mlp) + head;
  CHECK(bytes(WeightFormat::Fp32) == 4 * (others + 2 * up + latents));
  CHECK(bytes(WeightFormat::Bf16) == 2 * others + 4 * (2 * up + latents));
}
