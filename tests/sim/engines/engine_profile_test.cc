// Built-in constants of engines, and what `serve --engine` makes of them.
#include <cmath>

#include "agrees.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/error.h"
#include "isoflop/sim/engines/engine_serving.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

ServingLoad load_of(std::int64_t batch, std::int64_t prompt, std::int64_t generate, std::int64_t tp,
                    WeightFormat weights) {
  ServingLoad load;
  load.batch = batch;
  load.prompt = prompt;
  load.generate = generate;
  load.tensor_parallel = tp;
  load.weights = weights;
  if (weights == WeightFormat::Fp8) {
    load.arithmetic = Arithmetic::Fp8;
    load.kv = CacheFormat::Fp8;
  }
  return load;
}

}  // namespace

TEST_CASE("the built-in profile has every law, and its cells say what they rest on") {
  const EngineProfile profile = EngineProfile::load();
  for (const char* law : {"decode", "prefill", "latency", "memory", "offline", "tpot", "ttft"}) {
    CAPTURE(law);
    REQUIRE(profile.cells().count(law) == 1);
    const PooledCell* any = profile.find(law, {"any"});
    REQUIRE(any != nullptr);
    CHECK(any->rows > 30);
    CHECK(any->interval.low < 1);
    CHECK(any->interval.high > 1);
    CHECK(any->unseen_interval.high / any->unseen_interval.low >= any->interval.high / any->interval.low);
  }
}

TEST_CASE("a profile reads back from its tables and from its JSON as it was") {
  const EngineProfile profile = EngineProfile::load();
  const EngineProfile again = EngineProfile::from(CsvTable::parse(profile.cells_csv(), "cells"),
                                                  CsvTable::parse(profile.groups_csv(), "groups"));
  CHECK(again.cells_csv() == profile.cells_csv());
  const EngineProfile json =
      EngineProfile::from_json(parse_json(to_json(profile.json()), "profile.json"), "profile.json");
  CHECK(json.cells_csv() == profile.cells_csv());
  CHECK(json.groups_csv() == profile.groups_csv());
  CHECK_THROWS_AS(EngineProfile::from_json(parse_json("{}", "x"), "x"), Error);
  CHECK_THROWS_AS(EngineProfile::from_json(
                      parse_json(R"({"isoflop_engine_profile":1,"cells":[{"law":"luck"}],"groups":[]})", "x"), "x"),
                  Error);
}

TEST_CASE("published figures of unseen kinds lie in the predicted ranges") {
  const EngineProfile profile = EngineProfile::load();
  const auto devices = AcceleratorCatalogue::load();
  // Phi-3-mini at 4 bits on an iPhone 14: more than 12 tokens/s (arXiv:2404.14219, section 2).
  const EngineAnswer phone =
      engine_answer(profile, "llama.cpp", named_architecture("phi-3-mini").architecture,
                    devices.require("iphone-14-pro"), load_of(1, 64, 128, 1, WeightFormat::Int4));
  CHECK(1 / phone.tpot_s.low > 12);
  CHECK(1 / phone.tpot_s.central > 12);
  CHECK(phone.basis.find("borrowed") != std::string::npos);
}

TEST_CASE("more requests in flight never shorten a token, and a full cache makes requests wait") {
  const EngineProfile profile = EngineProfile::load();
  const Architecture llama = named_architecture("llama-3-70b").architecture;
  const auto devices = AcceleratorCatalogue::load();
  double tpot = 0, ttft = 0;
  for (std::int64_t batch = 1; batch <= 256; batch *= 2) {
    const EngineAnswer a = engine_answer(profile, "trtllm", llama, devices.require("h200"),
                                         load_of(batch, 8192, 1024, 1, WeightFormat::Fp8));
    CAPTURE(batch);
    CHECK(a.tpot_s.central >= tpot);
    CHECK(a.ttft_s.central >= ttft);
    CHECK(a.tpot_s.low <= a.tpot_s.central);
    CHECK(a.closed_loop);
    CHECK(a.warnings.empty() == (batch <= 32));
    tpot = a.tpot_s.central;
    ttft = a.ttft_s.central;
  }
  CHECK(ttft > 100);  // 256 requests of 8192 tokens, room for about 48
}

TEST_CASE("a model that no server was measured with gets wide ranges and says so") {
  const EngineProfile profile = EngineProfile::load();
  const auto devices = AcceleratorCatalogue::load();
  const EngineAnswer a = engine_answer(profile, "vllm", named_architecture("qwen2.5-32b").architecture,
                                       devices.require("h100"), load_of(16, 1024, 256, 2, WeightFormat::Bf16));
  CHECK(a.tpot_s.high / a.tpot_s.central >= 1.5);
  CHECK(a.ttft_s.high / a.ttft_s.central >= 3.5);
  REQUIRE(a.warnings.size() == 1);
  CHECK(a.warnings[0].find("no run of this model") != std::string::npos);
}

TEST_CASE("what an engine does not do is refused") {
  const EngineProfile profile = EngineProfile::load();
  const Architecture llama = named_architecture("llama-3-8b").architecture;
  const auto devices = AcceleratorCatalogue::load();
  const Accelerator& chip = devices.require("a100");
  CHECK_THROWS_AS(engine_answer(profile, "llama.cpp", llama, chip, load_of(4, 512, 64, 1, WeightFormat::Bf16)), Error);
  CHECK_THROWS_AS(engine_answer(profile, "llama.cpp", llama, chip, load_of(1, 512, 64, 2, WeightFormat::Bf16)), Error);
  CHECK_THROWS_AS(engine_answer(profile, "tgi", llama, chip, load_of(1, 512, 64, 1, WeightFormat::Bf16)), Error);
  CHECK_THROWS_AS(engine_answer(EngineProfile(), "vllm", llama, chip, load_of(1, 512, 64, 1, WeightFormat::Bf16)),
                  Error);
}
