// The fast execution against the naive one in double, for every block the kernel executes; gradients of the naive one
// are themselves checked against central differences where it is tested.
#include "isoflop/sim/kernel/execution.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "isoflop/error.h"
#include "isoflop/model/naive_backward.h"
#include "isoflop/random.h"
#include "lib/model/small_models.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

bool is_executable(const Architecture& architecture) {
  try {
    check_executable(architecture);
    return true;
  } catch (const Error&) {
    return false;
  }
}

struct Case {
  std::vector<float> weights;
  std::vector<std::int32_t> ids, targets;
};

Case random_case(const Architecture& a, const WeightLayout& layout, std::size_t tokens) {
  Random random(7);
  Case c;
  c.weights.resize(layout.count());
  for (auto& w : c.weights) w = static_cast<float>(0.4 * random.normal());
  for (const auto& place : layout.places())
    if (place.name.find("scale") != std::string::npos)
      for (std::size_t i = 0; i < place.count; ++i)
        c.weights[place.offset + i] = static_cast<float>(random.uniform(0.5, 1.5));
  for (std::size_t i = 0; i < tokens; ++i) {
    c.ids.push_back(static_cast<std::int32_t>(random.index(static_cast<std::size_t>(a.vocabulary))));
    c.targets.push_back(static_cast<std::int32_t>(random.index(static_cast<std::size_t>(a.vocabulary))));
  }
  return c;
}

void fill(naive::Values<double>& values, const WeightLayout& layout, const Case& c,
          const std::vector<std::int64_t>& positions) {
  for (std::size_t t = 0; t < values.program.tensors.size(); ++t) {
    const Tensor& tensor = values.program.tensors[t];
    if (tensor.kind == TensorKind::Weight) {
      const auto& place = layout.of(tensor);
      for (std::size_t i = 0; i < place.count; ++i)
        values.data[t][i] = static_cast<double>(c.weights[place.offset + i]);
    } else if (tensor.kind == TensorKind::TokenIds) {
      for (std::size_t i = 0; i < values.whole[t].size(); ++i)
        values.whole[t][i] = tensor.part == Part::Position ? positions[i]
                             : tensor.part == Part::Loss   ? c.targets[i]
                                                           : c.ids[i];
    }
  }
}

void check_against_naive(const Architecture& architecture, std::size_t sequences, std::size_t length) {
  CAPTURE(architecture.name);
  const Program program =
      forward(architecture, Step::train(static_cast<std::int64_t>(sequences), static_cast<std::int64_t>(length)));
  const WeightLayout layout(program);
  const Case c = random_case(architecture, layout, sequences * length);

  naive::Values<double> values(program);
  std::vector<std::int64_t> positions;
  for (std::size_t i = 0; i < sequences * length; ++i) positions.push_back(static_cast<std::int64_t>(i % length));
  fill(values, layout, c, positions);
  naive::Forward<double>::run(values);
  naive::Backward<double>::run(values);

  PackedWeights packed;
  packed.pack(layout, c.weights.data(), Precision::Fp32, true, 1);
  Execution execution(program, layout, Precision::Fp32);
  std::vector<float> gradients(layout.count(), 0.0f);
  for (int again = 0; again < 2; ++again) {  // a second step must not remember the first
    std::fill(gradients.begin(), gradients.end(), 0.0f);
    const double loss = execution.forward(c.weights.data(), packed, c.ids.data(), c.targets.data());
    execution.backward(c.weights.data(), packed, 1, gradients.data());
    for (std::size_t t = 0; t < program.tensors.size(); ++t)
      if (program.tensors[t].name == "loss")
        CHECK(std::fabs(loss - values.data[t][0]) < 1e-5 * (1 + std::fabs(loss)));
  }
  // Overwriting what a single product makes gives the same gradients, whatever stood there.
  std::vector<float> overwritten(layout.count(), 0.0f);
  const auto alone = weights_of_one_product(program);
  CHECK(alone.size() >= 2);
  for (const auto& place : layout.places())
    if (alone.count(place.name) > 0)
      std::fill_n(overwritten.data() + place.offset, place.count, std::numeric_limits<float>::quiet_NaN());
  execution.forward(c.weights.data(), packed, c.ids.data(), c.targets.data());
  execution.backward(c.weights.data(), packed, 1, overwritten.data(), true);
  CHECK(overwritten == gradients);
  for (std::size_t t = 0; t < program.tensors.size(); ++t) {
    if (program.tensors[t].kind != TensorKind::Weight) continue;
    const auto& place = layout.of(program.tensors[t]);
    double norm = 0, error = 0;
    for (std::size_t i = 0; i < place.count; ++i) {
      norm += values.gradient[t][i] * values.gradient[t][i];
      error += std::pow(static_cast<double>(gradients[place.offset + i]) - values.gradient[t][i], 2);
    }
    INFO(program.tensors[t].name << " gradient norm " << std::sqrt(norm) << " error " << std::sqrt(error));
    // Single-precision arithmetic over a few dozen terms each; a wrong term would show at order one.
    CHECK(std::sqrt(error) <= 2e-5 * std::sqrt(norm) + 1e-7);
  }
}

}  // namespace

TEST_CASE("loss and every weight gradient agree with the naive execution in double") {
  std::size_t executed = 0;
  for (const auto& architecture : test::small_models()) {
    if (!is_executable(architecture)) continue;
    ++executed;
    check_against_naive(architecture, 2, 9);
  }
  CHECK(executed == test::small_models().size() - 2);  // query experts, prediction layers
}

TEST_CASE("ALiBi and latent attention agree with the naive execution over several blocks of queries") {
  Architecture alibi = test::tiny("ALiBi");
  for (Layer& layer : alibi.layers) {
    layer.attention.alibi = true;
    layer.attention.rotary_dims = 0;
  }
  alibi.layers[1].attention.window = 70;
  alibi.layers[1].attention.sink_tokens = 3;
  alibi.layers[1].attention.learned_sinks = true;
  Architecture latent = test::tiny("latent");
  for (const std::size_t i : {0, 1}) {
    latent.layers[i].attention = Attention{};
    latent.layers[i].attention.heads = latent.layers[i].attention.kv_heads = 3;
    latent.layers[i].attention.latent = LatentAttention{i == 0 ? 7 : 0, 5, 4, 2, 3};
  }
  for (const auto& architecture : {alibi, latent}) check_against_naive(architecture, 2, 130);
}

TEST_CASE("bf16 compute stays near the fp32 loss") {
  const auto architecture = test::small_models().front();
  const Program program = forward(architecture, Step::train(2, 9));
  const WeightLayout layout(program);
  const Case c = random_case(architecture, layout, 18);
  double losses[2];
  for (int p = 0; p < 2; ++p) {
    const auto precision = p == 0 ? Precision::Fp32 : Precision::Bf16;
    PackedWeights packed;
    packed.pack(layout, c.weights.data(), precision, false, 1);
    losses[p] = Execution(program, layout, precision).forward(c.weights.data(), packed, c.ids.data(), c.targets.data());
  }
  CHECK(losses[0] != losses[1]);
  CHECK(std::fabs(losses[0] - losses[1]) < 0.05 * losses[0]);
}

TEST_CASE("what the kernel does not execute is refused by name") {
  for (const auto& architecture : test::small_models())
    if (!is_executable(architecture)) CHECK_THROWS_AS(check_executable(architecture), Error);
}
