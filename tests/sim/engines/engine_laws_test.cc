// Laws of inference engines: known constants come back, and no law beats the data sheet.
#include <cmath>
#include <filesystem>

#include "agrees.h"
#include "isoflop/random.h"
#include "isoflop/sim/engines/engine_calibration.h"
#include "isoflop/sim/engines/inference_table.h"
#include "isoflop/sim/engines/validate_engines.h"
#include "paths.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const std::string table_path = std::string(ground_truth_dir) + "/ground_truth/inference_dev.csv";
bool have_table() {
  if (std::filesystem::exists(table_path)) return true;
  MESSAGE("skipped: " << table_path << " is not there");
  return false;
}

const char* const header =
    "row_id,source,model,hardware,n_devices,tp,weight_dtype,engine,batch,prompt_len,gen_len,extra,metric,value,quality,"
    "group\n";

std::vector<PredictedRow> of_category(const ValidationResult& result, const std::string& start,
                                      const std::string& metric = {}) {
  std::vector<PredictedRow> rows;
  for (const PredictedRow& row : result.rows)
    if (row.category.starts_with(start) && (metric.empty() || row.metric == metric)) rows.push_back(row);
  return rows;
}

}  // namespace

TEST_CASE("no engine law is faster than bytes over bandwidth or FLOP over peak, whatever its constants") {
  Random random(11, 0);
  for (const EngineLaw& law : inference_laws())
    for (int trial = 0; trial < 2000; ++trial) {
      EngineSample s;
      s.batch = std::floor(random.uniform(1, 64));
      s.prompt = std::floor(random.uniform(1, 4096));
      s.generate = std::floor(random.uniform(1, 512));
      s.tensor_parallel = 1 << random.index(4);
      s.layers = 32;
      s.width = 4096;
      s.body_bytes = s.stored_bytes = s.prefill_bytes = random.uniform(1e9, 1e11);
      s.kv_bytes = random.uniform(1e6, 1e10);
      s.decode_flop = random.uniform(1e9, 1e14);
      s.prefill_flop = random.uniform(1e12, 1e16);
      s.bandwidth = 2e12;
      s.peak = 3e14;
      s.link = 3e11;
      s.floor = random.uniform(1e-4, 10);
      std::vector<double> values;
      for (const Constant& c : law.constants)
        values.push_back(std::exp(random.uniform(std::log(c.low), std::log(c.high))));
      REQUIRE(law.predict(values, s) >= s.floor);
    }
}

TEST_CASE("the floor of a row is bytes over bandwidth, counted by hand") {
  // Llama-2-7B in fp16: 6,738,415,616 parameters less an input embedding of 32000 x 4096; the cache at 128 + 64 / 2
  // tokens.
  const std::string csv =
      std::string(header) + "a,x,llama-2-7b,a100_sxm,1,1,fp16,gpt-fast,1,128,64,,decode_tps,100,,g\n";
  const EngineSamples read = read_inference_table(CsvTable::parse(csv, "test.csv"), {});
  REQUIRE(read.samples.size() == 1);
  const double weights = 2.0 * (6738415616.0 - 32000.0 * 4096), cache = 160.0 * 32 * 2 * 4096 * 2;
  CHECK(agrees(read.samples[0].floor, (weights + cache) / 2.039e12, 12));
  CHECK(agrees(read.samples[0].measured(), 0.01, 12));
}

TEST_CASE("rows that cannot be predicted are named with the reason") {
  const std::string csv = std::string(header) +
                          "a,x,llama-2-7b,some cpu,1,1,fp16,llama.cpp,1,128,64,,decode_tps,100,,g\n" +
                          "b,x,no such model,a100_sxm,1,1,fp16,llama.cpp,1,128,64,,decode_tps,100,,g\n" +
                          "c,x,llama-2-7b,a100_sxm,1,1,fp17,llama.cpp,1,128,64,,decode_tps,100,,g\n" +
                          "d,x,llama-2-7b,a100_sxm,1,1,fp16,llama.cpp,1,128,64,,happiness,100,,g\n" +
                          "e,x,llama-2-7b,a100_sxm,1,1,fp16,llama.cpp,1,128,64,,decode_tps,100,suspect: slow,g\n";
  const EngineSamples read = read_inference_table(CsvTable::parse(csv, "test.csv"), {});
  CHECK(read.samples.empty());
  REQUIRE(read.refused.size() == 5);
  CHECK(read.refused[0].reason.find("device") != std::string::npos);
  CHECK(read.refused[1].reason.find("no such model") != std::string::npos);
  CHECK(read.refused[2].reason.find("fp17") != std::string::npos);
  CHECK(read.refused[3].reason.find("happiness") != std::string::npos);
  CHECK(read.refused[4].reason.find("suspect") != std::string::npos);
}

TEST_CASE("a decode law whose constants are known is found again from its own predictions") {
  const EngineLaw& law = law_named(inference_laws(), "decode");
  const std::vector<double> truth = {0.7, 1.4, 1.6, 0.3, 2e-5, 3e-5, 5e-6, 3e-4};
  std::vector<EngineSample> samples;
  Random random(3, 0);
  for (int i = 0; i < 160; ++i) {
    EngineSample s;
    s.row_id = std::to_string(i);
    s.group = std::to_string(i / 4);
    s.law = "decode";
    s.cells = {"any"};
    s.weight_bits = i % 3 == 0 ? 16 : i % 3 == 1 ? 8 : 4.5;
    s.tensor_parallel = 1 << (i % 4);
    s.layer_splits = s.tensor_parallel > 1 ? 1 : 1 + i % 5;
    s.layers = 16 + i % 60;
    s.body_bytes = 2e9 * std::pow(40.0, random.uniform(0, 1));
    s.head_bytes = 2e8;
    s.kv_bytes = 1e7 * std::pow(100.0, random.uniform(0, 1));
    s.bandwidth = 2e12;
    s.is_rate = true;
    s.stated = 1 / law.predict(truth, s);
    samples.push_back(s);
  }
  const auto fits = calibrate_engines(inference_laws(), samples);
  REQUIRE(fits.size() == 1);
  const auto& values = fits[0].fit.cells.at("any").values;
  for (std::size_t k = 0; k < truth.size(); ++k) {
    CAPTURE(law.constants[k].name);
    CHECK(std::fabs(std::log(values[k] / truth[k])) < 0.1);
  }
}

TEST_CASE("published single-request figures are met on groups left out" * doctest::test_suite("slow")) {
  if (!have_table()) return;
  ValidationRequest request{CsvTable::read(table_path), {}, false, {}, 42, 2, [](double, const std::string&) {}};
  const ValidationResult result = validate_inference(request);
  CHECK(result.rows.size() + result.unsupported.size() == request.table.rows());
  CHECK(accuracy_of(of_category(result, "latency, fastertransformer")).mape < 7.5);
  CHECK(accuracy_of(of_category(result, "decode, gpt-fast")).mape < 11);
  CHECK(accuracy_of(of_category(result, "decode, llama.cpp")).mape < 9);
  CHECK(accuracy_of(of_category(result, "prefill, llama.cpp")).mape < 21);
  CHECK(accuracy_of(of_category(result, "memory, fastertransformer")).mape < 5);
  const Accuracy all = accuracy_of(result.rows);
  CHECK(*all.coverage > 0.85);
  CHECK(*all.coverage < 0.95);
  // Predictions and floors side by side, every row.
  const EngineSamples read = read_inference_table(request.table, {});
  std::map<std::string, const EngineSample*> by_id;
  for (const EngineSample& s : read.samples) by_id[s.row_id] = &s;
  for (const PredictedRow& row : result.rows) {
    const EngineSample& s = *by_id.at(row.row_id);
    REQUIRE((s.is_rate ? s.scale / row.predicted : s.scale * row.predicted) >= s.floor * (1 - 1e-9));
  }
}
