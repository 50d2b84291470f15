// Servers in closed loop: what rows mean, known constants, floors, and published benchmarks on groups left out.
#include <cmath>
#include <filesystem>

#include "agrees.h"
#include "isoflop/random.h"
#include "isoflop/sim/engines/engine_calibration.h"
#include "isoflop/sim/engines/serving_laws.h"
#include "isoflop/sim/engines/serving_table.h"
#include "isoflop/sim/engines/validate_engines.h"
#include "paths.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const std::string table_path = std::string(ground_truth_dir) + "/ground_truth/serving_dev.csv";
bool have_table() {
  if (std::filesystem::exists(table_path)) return true;
  MESSAGE("skipped: " << table_path << " is not there");
  return false;
}

const char* const header =
    "row_id,measured_by,model,hardware,precision,mode,backend,backend_version,isl,osl,concurrency,tp,attn_dp,moe_tp,"
    "moe_ep,decode_workers,"
    "decode_tp,prefill_workers,prefill_tp,metric,value,group\n";

EngineSamples read(const std::string& rows) {
  return read_serving_table(CsvTable::parse(header + rows, "test.csv"), {});
}

}  // namespace

TEST_CASE("device counts that name the same devices twice count once") {
  CHECK(serving_devices(8, 1, 8, 1) == 8);
  CHECK(serving_devices(64, 1, 8, 8) == 8);
  CHECK(serving_devices(1, 64, 8, 8) == 8);
  CHECK(serving_devices(16, 1, 4, 4) == 4);
  CHECK(serving_devices(2, 2, 1, 4) == 2);
  CHECK(serving_devices(4, 1, 2, 2) == 4);
  CHECK(serving_devices(1, 8, 1, 8) == 8);
  CHECK(serving_devices(1, 0, 4, 1) == 4);
}

TEST_CASE("InferenceX's square sizes name their root in devices, other tables' do not") {
  const std::string sizes = "openai/gpt-oss-120b,h200_sxm,fp4,agg,trtllm,,1024,1024,8,4,1,2,2,,,,,tpot,6,g\n";
  CHECK(read("a,InferenceX," + sizes).samples.at(0).devices == 2);
  CHECK(read("a,another lab," + sizes).samples.at(0).devices == 4);
}

TEST_CASE("runs of SGLang whose release is not stated have constants of their own, other engines' have not") {
  const auto cells = [](const std::string& engine_and_release) {
    return read("a,InferenceX,deepseek-ai/DeepSeek-R1,h200_sxm,fp8,agg," + engine_and_release +
                ",1024,1024,8,8,1,8,1,,,,,ttft,600,g\n")
        .samples.at(0)
        .cells;
  };
  CHECK(cells("sglang,") != cells("sglang,0.5.9"));
  CHECK(cells("trtllm,") == cells("trtllm,1.2.0rc6.post2"));
}

TEST_CASE("drafted tokens divide a step's time, not the peers' prompts, and no run is left out without its twin") {
  const std::string sizes = ",b200_sxm,fp8,agg,trtllm,", load = ",1024,1024,8,8,1,8,1,,,,,tpot,";
  const EngineSamples s = read("a,InferenceX,deepseek-ai/DeepSeek-R1" + sizes + "1.2.0rc6.post3" + load + "6.8,g1\n" +
                               "b,InferenceX,deepseek-ai/DeepSeek-R1" + sizes + "1.2.0rc6.post2" + load + "11.1,g2\n" +
                               "c,InferenceX,deepseek-ai/DeepSeek-V3" + sizes + "1.2.0rc6.post2" + load + "11.1,g3\n");
  REQUIRE(s.samples.size() == 3);
  using Drafting = EngineSample::Drafting;
  CHECK(s.samples[0].drafting == Drafting::Yes);
  CHECK(s.samples[1].drafting == Drafting::No);
  CHECK(s.samples[2].drafting == Drafting::No);
  CHECK(s.samples[1].fold_group == s.samples[2].fold_group);
  CHECK(s.samples[0].fold_group != s.samples[1].fold_group);
  const EngineLaw& law = law_named(serving_laws(), "tpot");
  const std::vector<double> values = law.generic();
  EngineSample drafted = s.samples[0], alone = drafted;
  drafted.generate = alone.generate = 1e12;  // peers' prompts weigh nothing
  alone.drafting = Drafting::No;
  // 8 requests, 200 of which would halve the 0.8 tokens drafted.
  CHECK(agrees(law.formula(values, alone, 0) / law.formula(values, drafted, 0), 1 + 0.8 / (1 + 8.0 / 200), 9));
}

TEST_CASE("a cache that holds fewer requests than are in flight limits the batch") {
  // Llama-3.1-70B in 8 bits on one H200: 141 GiB x 0.915 less 68.45 GB of layers and 4.2 GB of 16-bit embeddings leave
  // room for 48.5 requests of 8294 tokens at 163,840 bytes.
  const EngineSamples s = read(
      "a,InferenceX,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,trtllm,,8192,1024,128,1,1,1,1,,,,,ttft,127810,g\n"
      "b,InferenceX,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,trtllm,,8192,1024,32,1,1,1,1,,,,,ttft,2676,g\n");
  REQUIRE(s.samples.size() == 2);
  CHECK(agrees(s.samples[0].kv_bytes_per_request, 163840.0 * 0.9 * 9216, 9));
  CHECK(s.samples[0].running > 45);
  CHECK(s.samples[0].running < 50);
  CHECK(s.samples[1].running == 32);
}

TEST_CASE("impossible and insufficient rows are refused with a reason") {
  const EngineSamples s =
      read("a,InferenceX,deepseek-ai/DeepSeek-R1,h200_sxm,fp8,agg,sglang,,1024,1024,8,1,1,1,1,,,,,tpot,10,g1\n"
           "b,InferenceX,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,vllm,,1024,1024,,8,1,8,1,,,,,tpot,10,g2\n"
           "c,InferenceX,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,vllm,,1024,1024,4,8,1,8,1,,,,,tpot,0.5,g3\n"
           "d,InferenceX,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,vllm,,1024,1024,4,8,1,8,1,,,,,ttft,100,g3\n");
  CHECK(s.samples.empty());
  CHECK(read("e,InferenceX,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,vllm,,1024,0,4,8,1,8,1,,,,,tpot,10,g\n")
            .samples.empty());
  CHECK(read("f,InferenceX,meta-llama/Llama-3.1-70B,h200_sxm,fp8,disagg,vllm,,1024,1024,4,,,,,0,0,0,0,tpot,10,g\n")
            .samples.empty());
  REQUIRE(s.refused.size() == 4);
  CHECK(s.refused[0].reason.find("hold") != std::string::npos);
  CHECK(s.refused[1].reason.find("concurrency") != std::string::npos);
  CHECK(s.refused[2].reason.find("beats") != std::string::npos);
  CHECK(s.refused[3].reason.find("beats") != std::string::npos);
}

TEST_CASE("no serving law is faster than its floor, whatever its constants") {
  const EngineSamples s = read(
      "a,InferenceX,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,trtllm,,8192,1024,16,4,1,4,1,,,,,ttft,1000,g\n"
      "b,InferenceX,deepseek-ai/DeepSeek-R1,b200_sxm,fp4,agg,trtllm,,1024,1024,64,8,1,8,1,,,,,tpot,20,h\n");
  REQUIRE(s.samples.size() == 2);
  Random random(5, 0);
  for (const EngineSample& sample : s.samples) {
    CHECK(sample.floor > 0);
    const EngineLaw& law = law_named(serving_laws(), sample.law);
    for (int trial = 0; trial < 2000; ++trial) {
      std::vector<double> values;
      for (const Constant& c : law.constants)
        values.push_back(std::exp(random.uniform(std::log(c.low), std::log(c.high))));
      REQUIRE(law.predict(values, sample, 0.01) >= sample.floor);
    }
  }
}

TEST_CASE("every token pays for its peers' prompts, and only where prompts are read on the same devices") {
  const std::string row =
      "InferenceX,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,trtllm,,8192,1024,16,4,1,4,1,,,,,tpot,20,g\n";
  EngineSample s = read("a," + row).samples.at(0);
  const EngineLaw& law = law_named(serving_laws(), "tpot");
  const std::vector<double> values = law.generic();
  const double together = law.formula(values, s, 0);
  s.separate_prefill = true;
  const double separate = law.formula(values, s, 0);
  // 16 prompts of 7373 tokens for 922 tokens each: FLOP alone cost 16 x 1.05e15 / (4 x 1.979e15 x 0.5) / 921.6 s.
  const double flop = (s.prefill_flop + s.prefill_attention_flop) * 16 / (4 * 1.979e15 * 0.5) / s.generate;
  CHECK(together - separate > flop);
  CHECK(together - separate < 2 * flop);  // all-reduces and fixed times come on top
}

TEST_CASE("published serving benchmarks are met on groups left out" * doctest::test_suite("slow")) {
  if (!have_table()) return;
  ValidationRequest request{CsvTable::read(table_path), {}, false, {}, 42, 2, [](double, const std::string&) {}};
  const ValidationResult result = validate_serving(request);
  CHECK(result.rows.size() + result.unsupported.size() == request.table.rows());
  const auto accuracy = [&](const std::string& metric, const std::vector<std::string>& kinds) {
    std::vector<PredictedRow> rows;
    for (const PredictedRow& row : result.rows)
      for (const std::string& kind : kinds)
        if (row.metric == metric && row.category.find(kind) != std::string::npos) rows.push_back(row);
    return accuracy_of(rows);
  };
  CHECK(accuracy("tpot", {", dense"}).mape < 8.5);
  CHECK(accuracy("tpot", {", dense", ", mixture"}).mape < 14);
  CHECK(accuracy("ttft", {", dense"}).mape < 25);
  CHECK(accuracy("ttft", {", dense", ", mixture"}).mape < 31);
  CHECK(accuracy("ttft", {","}).mape < 39);
  const Accuracy all = accuracy_of(result.rows);
  CHECK(*all.coverage > 0.85);
  CHECK(*all.coverage < 0.95);
  const EngineSamples samples = read_serving_table(request.table, {});
  std::map<std::string, double> floor_ms;
  for (const EngineSample& s : samples.samples) floor_ms[s.row_id] = 1e3 * s.floor;
  for (const PredictedRow& row : result.rows) REQUIRE(row.predicted >= floor_ms.at(row.row_id) * (1 - 1e-9));
}
