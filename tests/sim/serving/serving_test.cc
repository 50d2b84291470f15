#include "isoflop/sim/serving/serving.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "agrees.h"
#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/error.h"
#include "isoflop/model/parameters.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const ModelCatalogue& models() {
  static const ModelCatalogue catalogue = ModelCatalogue::load();
  return catalogue;
}
const AcceleratorCatalogue& devices() {
  static const AcceleratorCatalogue catalogue = AcceleratorCatalogue::load();
  return catalogue;
}
const OpProfile& profile() {
  static const OpProfile loaded = OpProfile::load();
  return loaded;
}
Architecture model(const char* name) { return architecture_of(models().require(name)); }

ServingLoad load_of(std::int64_t batch, std::int64_t prompt, std::int64_t generate = 16) {
  ServingLoad load;
  load.batch = batch;
  load.prompt = prompt;
  load.generate = generate;
  return load;
}

}  // namespace

TEST_CASE("decode floors at context 4096 on an H100 are the published bytes over 3.35 TB/s") {
  struct Row {
    const char* model;
    double kv_bytes_per_token, gigabytes, milliseconds;
  };
  const std::vector<Row> rows = {{"llama-2-7b", 524288, 15.36, 4.59},   {"llama-3-8b", 131072, 15.55, 4.64},
                                 {"llama-3-70b", 327680, 140.35, 41.9}, {"llama-3.1-405b", 516096, 809.6, 242},
                                 {"mixtral-8x7b", 131072, 26.03, 7.77}, {"dbrx", 163840, 72.38, 21.6},
                                 {"arctic", 143360, 34.77, 10.4},       {"phi-3-mini", 393216, 8.25, 2.46},
                                 {"deepseek-moe-16b", 229376, 6.18, 1.84}, {"qwen1.5-moe-a2.7b", 196608, 5.56, 1.66}};
  for (const Row& row : rows) {
    CAPTURE(row.model);
    const Architecture architecture = model(row.model);
    CHECK(static_cast<double>(kv_elements_per_token(architecture)) * 2 == row.kv_bytes_per_token);
    const DecodeFloor floor = decode_floor(architecture, devices().require("h100"), load_of(1, 4096), 4096);
    CHECK(agrees(floor.weight_bytes + floor.kv_bytes, row.gigabytes * 1e9, 2.7));
    CHECK(agrees(floor.seconds, row.milliseconds * 1e-3, 2.3));
  }
}

TEST_CASE("no prediction is faster than bytes over bandwidth or FLOP over peak, for every model on several chips") {
  std::size_t checked = 0;
  for (const char* chip : {"h100", "a100-sxm-80gb", "mi300x", "rtx-4090", "apple-m2-ultra-76c"}) {
    const Accelerator& device = devices().require(chip);
    for (const ModelRecord& record : models().all()) {
      if (why_no_architecture(record)) continue;
      const Architecture architecture = architecture_of(record);
      const StepPricer pricer(architecture, device, profile());
      for (const WeightFormat format : {WeightFormat::Bf16, WeightFormat::Int4}) {
        ServingLoad load = load_of(8, 512);
        load.weights = format;
        for (const Step& step : {Step::prefill(1, 512), Step::decode(8, 1024)}) {
          const StepTime time = pricer.time(load, step);
          CAPTURE(chip);
          CAPTURE(record.id);
          CHECK(time.floor_s > 0);
          CHECK(time.seconds.low >= time.floor_s * (1 - 1e-12));
          CHECK(time.seconds.central >= time.seconds.low);
          CHECK(time.seconds.high >= time.seconds.central);
          ++checked;
        }
      }
    }
  }
  CHECK(checked > 500);
}

TEST_CASE("weight-only int4 speeds up decode, not a prefill that arithmetic bounds") {
  const Architecture architecture = model("llama-3-8b");
  const StepPricer pricer(architecture, devices().require("h100"), profile());
  ServingLoad full = load_of(1, 4096), small = full;
  small.weights = WeightFormat::Int4;
  const double prefill = pricer.time(full, Step::prefill(4, 4096)).seconds.central;
  CHECK(pricer.time(small, Step::prefill(4, 4096)).seconds.central > 0.95 * prefill);
  CHECK(pricer.time(small, Step::prefill(4, 4096)).seconds.central <= prefill);
  CHECK(pricer.time(small, Step::decode(1, 4096)).seconds.central <
        0.6 * pricer.time(full, Step::decode(1, 4096)).seconds.central);
}

TEST_CASE("Phi-3-mini at 4 bits on a phone chip: at most 27 or so tokens per second, and more than 12 as published") {
  const Architecture architecture = model("phi-3-mini");
  const Accelerator& phone = devices().require("apple-a16");
  ServingLoad load = load_of(1, 64, 64);
  load.weights = WeightFormat::Int4;
  const double limit = 1 / decode_floor(architecture, phone, load, 64).seconds;
  CHECK(limit > 24);
  CHECK(limit < 28);
  const StepPricer pricer(architecture, phone, profile());
  const ServingAnswer answer = serve(pricer, MemoryModel(architecture, phone), load);
  CHECK(answer.fits);
  CHECK(answer.decode_tokens_per_s.high > 12);
  CHECK(answer.decode_tokens_per_s.high <= limit * 1.01);
}

TEST_CASE("a mixture stores every expert and reads those its batch touches") {
  const Architecture architecture = model("mixtral-8x7b");
  const Accelerator& device = devices().require("h100");
  const ServingLoad load = load_of(1, 1024);
  CHECK(MemoryModel(architecture, device).memory(load).weights == 2 * 46702792704.0);
  const double one = decode_floor(architecture, device, load, 1024).weight_bytes;
  const double many = decode_floor(architecture, device, load_of(64, 1024), 1024).weight_bytes;
  CHECK(agrees(one, 2 * (12879925248.0 - 32000.0 * 4096), 3));
  CHECK(agrees(many, 2 * (46702792704.0 - 32000.0 * 4096), 3));
}

TEST_CASE("the cache read goes by key/value heads and stops growing at the window") {
  const Accelerator& device = devices().require("h100");
  const auto cache = [&](const char* name, std::int64_t context) {
    return decode_floor(model(name), device, load_of(1, context), context).kv_bytes;
  };
  CHECK(agrees(cache("llama-3-8b", 8000), 8001 * 131072.0, 3));
  CHECK(agrees(cache("llama-2-7b", 4000), 4001 * 524288.0, 3));
  CHECK(cache("phi-3-mini", 4000) == cache("phi-3-mini", 8000));
  CHECK(agrees(cache("phi-3-mini", 8000), 2047 * 393216.0, 3));
}

TEST_CASE("memory limits are the last that fit, and grow with devices") {
  const Architecture architecture = model("llama-3-8b");
  const MemoryModel memory(architecture, devices().require("h100"));
  ServingLoad load = load_of(1, 2048, 256);
  const std::int64_t batch = memory.max_batch(load);
  load.batch = batch;
  CHECK(memory.fits(load));
  load.batch = batch + 1;
  CHECK_FALSE(memory.fits(load));
  load = load_of(1, 2048, 256);
  const std::int64_t context = memory.max_context(load);
  load.prompt = context - load.generate;
  CHECK(memory.fits(load));
  load.prompt += 1;
  CHECK_FALSE(memory.fits(load));
  load = load_of(1, 2048, 256);
  load.tensor_parallel = 2;
  CHECK(memory.max_batch(load) > 2 * batch);
  CHECK(MemoryModel(model("arctic"), devices().require("h100")).devices_needed(load) ==
        14);  // 56 query heads: 16 do not divide
}

TEST_CASE("throughput grows with the batch and tensor parallelism pays for its all-reduces") {
  const Architecture architecture = model("llama-3-8b");
  const Accelerator& device = devices().require("h100");
  const StepPricer pricer(architecture, device, profile());
  const MemoryModel memory(architecture, device);
  const ServingAnswer one = serve(pricer, memory, load_of(1, 1024, 128)),
                      many = serve(pricer, memory, load_of(32, 1024, 128));
  CHECK(many.output_tokens_per_s.central > 8 * one.output_tokens_per_s.central);
  CHECK(one.mbu.central > 0.4);
  CHECK(one.mbu.high <= 1);
  CHECK(many.mfu_prefill.high <= 1);
  ServingLoad shared = load_of(1, 1024, 128);
  shared.tensor_parallel = 4;
  const ServingAnswer four = serve(pricer, memory, shared);
  CHECK(four.tpot_s.central < one.tpot_s.central);
  CHECK(four.tpot_s.central > one.tpot_s.central / 4);
  CHECK(agrees(one.usd_per_million_tokens->central, 2.99 / 3600 * 1e6 / one.output_tokens_per_s.central, 6));
}

TEST_CASE("a missing figure and an impossible load are named") {
  const Architecture architecture = model("llama-3-8b");
  const Accelerator& device = devices().require("core-i9-13900k");
  const StepPricer pricer(architecture, device, profile());
  CHECK_THROWS_WITH_AS(pricer.time(load_of(1, 16), Step::decode(1, 16)),
                       "core-i9-13900k states no peak for bf16 arithmetic", Error);
  ServingLoad load = load_of(1, 16);
  load.tensor_parallel = 3;
  CHECK_THROWS_AS(check(load, architecture), Error);
  load = load_of(1, 16);
  load.arithmetic = Arithmetic::Fp8;
  CHECK_THROWS_AS(check(load, architecture), Error);
}

TEST_CASE("4-bit floats: bytes of their scales, arithmetic only where a chip has it, faster prompts where it has") {
  ServingLoad load = load_of(8, 2048, 128);
  load.weights = WeightFormat::Nvfp4;
  CHECK(load.weight_bytes() == 0.5625);
  const Architecture architecture = model("llama-3-70b");
  const Accelerator &b200 = devices().require("b200-sxm-180gb"), &h100 = devices().require("h100");
  const StepPricer pricer(architecture, b200, profile());
  const MemoryModel memory(architecture, b200);
  ServingLoad eight = load;
  eight.weights = WeightFormat::Fp8;
  eight.arithmetic = Arithmetic::Fp8;
  const ServingAnswer stored = serve(pricer, memory, load);
  load.arithmetic = Arithmetic::Fp4;
  const ServingAnswer four = serve(pricer, memory, load), fp8 = serve(pricer, memory, eight);
  CHECK(four.memory.weights < 0.6 * fp8.memory.weights);
  CHECK(four.ttft_s.central < fp8.ttft_s.central);
  CHECK(four.ttft_s.central < stored.ttft_s.central);
  CHECK(four.tpot_s.central < fp8.tpot_s.central);
  CHECK(four.tpot_s.low >= four.tpot_floor_s);
  CHECK_THROWS_WITH_AS(StepPricer(architecture, h100, profile()).time(load, Step::decode(1, 64)),
                       "h100-sxm-80gb states no peak for fp4 arithmetic", Error);
  load.weights = WeightFormat::Int4;
  CHECK_THROWS_AS(check(load, architecture), Error);
  load.weights = WeightFormat::Mxfp4;
  CHECK(load.weight_bytes() == 0.53125);
}
