#include "isoflop/sim/op/program_calls.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/error.h"
#include "isoflop/model/forward.h"
#include "isoflop/model/op_cost.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const OpProfile& profile() {
  static const auto loaded = OpProfile::load();
  return loaded;
}
const Accelerator& h100() {
  static const auto catalogue = AcceleratorCatalogue::load();
  return catalogue.require("h100-sxm-80gb");
}
Architecture architecture(const char* model) { return architecture_of(ModelCatalogue::load().require(model)); }

ProgramTime priced(const char* model, const Step& step, ProgramFormats formats = {}) {
  return price_program(program_calls(forward(architecture(model), step, LayerListing::Distinct), formats),
                       OpTimer(h100(), profile()));
}

}  // namespace

TEST_CASE("calls of a dense model contain exactly the arithmetic of its op list") {
  const auto model = architecture("llama-3-8b");
  const auto program = forward(model, Step::prefill(2, 1000), LayerListing::Distinct);
  double products = 0, gemm_flops = 0;
  for (const auto& op : program.ops)
    if (const auto* d = std::get_if<MatMul>(&op.detail))
      products += static_cast<double>(op.times) * 2 * static_cast<double>(d->rows) * static_cast<double>(d->columns) *
                  static_cast<double>(d->inner);
  for (const auto& call : program_calls(program, {}))
    if (const auto* s = std::get_if<GemmShape>(&call.shape))
      gemm_flops += call.times * 2 * static_cast<double>(s->m) * static_cast<double>(s->n) * static_cast<double>(s->k);
  CHECK(products > 0);
  CHECK(gemm_flops == products);
}

TEST_CASE("decoding one token of Llama-3-8B takes its weights' time over bandwidth and somewhat more") {
  // 15.55 GB at 3.35 TB/s: 4.64 ms with a context of 4096 (reference table of floors).
  const auto time = priced("llama-3-8b", Step::decode(1, 4095));
  CHECK(time.floor_s > 4.5e-3);
  CHECK(time.floor_s < 4.8e-3);
  CHECK(time.seconds > 4.64e-3);
  CHECK(time.seconds < 9e-3);
  CHECK(time.bound_s[static_cast<std::size_t>(Bound::Bandwidth)] > 0.5 * time.seconds);
}

TEST_CASE("a long prefill is bound by arithmetic and reaches between 40 and 85 percent of peak") {
  const auto time = priced("llama-3-8b", Step::prefill(1, 8192));
  CHECK(time.bound_s[static_cast<std::size_t>(Bound::Compute)] > 0.7 * time.seconds);
  CHECK(time.floor_s / time.seconds > 0.4);
  CHECK(time.floor_s / time.seconds < 0.85);
}

TEST_CASE("decoding one token of Mixtral reads two experts a layer") {
  // 26.03 GB at 3.35 TB/s are 7.77 ms.
  const auto time = priced("mixtral-8x7b-v0.1", Step::decode(1, 4095));
  CHECK(time.floor_s > 7.4e-3);
  CHECK(time.floor_s < 8.1e-3);
}

TEST_CASE("tensor parallelism divides the products' time and adds two all-reduces a layer") {
  ProgramFormats formats;
  formats.tensor_parallel = 4;
  const auto calls =
      program_calls(forward(architecture("llama-3-8b"), Step::decode(8, 1000), LayerListing::Each), formats);
  double reduces = 0;
  for (const auto& call : calls)
    if (const auto* s = std::get_if<CommShape>(&call.shape); s && s->op == Collective::AllReduce) reduces += call.times;
  CHECK(reduces == 64);
  const auto one = priced("llama-3-8b", Step::decode(8, 1000)),
             four = priced("llama-3-8b", Step::decode(8, 1000), formats);
  CHECK(four.seconds < one.seconds);
  CHECK(four.seconds > one.seconds / 4);
}

TEST_CASE("heads that do not divide by the tensor-parallel size are refused by name") {
  ProgramFormats formats;
  formats.tensor_parallel = 7;
  CHECK_THROWS_AS(program_calls(forward(architecture("llama-3-8b"), Step::decode(1, 10)), formats), Error);
}

TEST_CASE("decode gains from bandwidth, prefill from arithmetic, and elasticities lie between minus one and zero") {
  const auto decode = sensitivities(
      program_calls(forward(architecture("llama-3-8b"), Step::decode(1, 1000), LayerListing::Distinct), {}), h100(),
      profile());
  const auto prefill = sensitivities(
      program_calls(forward(architecture("llama-3-8b"), Step::prefill(1, 8192), LayerListing::Distinct), {}), h100(),
      profile());
  for (const auto& list : {decode, prefill})
    for (const auto& s : list) {
      CHECK(s.elasticity <= 1e-9);
      CHECK(s.elasticity >= -1.0001);
    }
  CHECK(decode[0].elasticity < -0.5);
  CHECK(prefill[1].elasticity < -0.5);
  CHECK(decode[2].elasticity == 0);
}

TEST_CASE("shares of the table add up to the whole and its times to the program's") {
  const auto time = priced("mixtral-8x7b-v0.1", Step::prefill(1, 2048));
  const auto table = program_time_table(time);
  double share = 0, ms = 0;
  for (const auto& row : table.rows) {
    ms += std::get<double>(row[2]);
    share += std::get<double>(row[5]);
  }
  CHECK(agrees(share, 100, 10));
  CHECK(agrees(ms, 1e3 * time.seconds, 10));
  CHECK(time.low_s < time.seconds);
  CHECK(time.high_s > time.seconds);
}

TEST_CASE("every supported model of the catalogue can be priced for decode and prefill") {
  const OpTimer timer(h100(), profile());
  std::size_t priced_models = 0;
  for (const auto& record : ModelCatalogue::load().all()) {
    Architecture model;
    try {
      model = architecture_of(record);
    } catch (const Error&) {
      continue;
    }
    CAPTURE(record.id);
    const auto time =
        price_program(program_calls(forward(model, Step::decode(4, 500), LayerListing::Distinct), {}), timer);
    CHECK(time.seconds > time.floor_s);
    CHECK(std::isfinite(time.seconds));
    ++priced_models;
  }
  CHECK(priced_models > 150);
}
