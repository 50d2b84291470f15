// Inference engines from the command line: calibrate, validate, serve --engine.
#include <cmath>
#include <filesystem>
#include <sstream>

#include "agrees.h"
#include "apps/command.h"
#include "isoflop/catalogue/csv_table.h"
#include "isoflop/report/value.h"

using namespace isoflop;

namespace {

struct Outcome {
  int code;
  std::string out, err;
  Value json() const {
    const Value value = parse_json(out, "output");
    const Value* result = value.find("result");
    return result ? *result : value;
  }
};

Outcome run(const std::vector<std::string>& words) {
  std::ostringstream out, err;
  const int code = app::run(words, out, err);
  return {code, out.str(), err.str()};
}

// Single-request decoding of three models on three GPUs at 70 % of bandwidth and 20 us per layer: what the constants
// must say.
std::string measured_rows() {
  struct Model {
    const char* name;
    double weights, layers, cache;  // bytes read, layers, cache bytes per token
  };
  const Model models[] = {{"llama-2-7b", 2 * 6607343616.0, 32, 524288}, {"llama-2-13b", 2 * 12852024320.0, 40, 819200},
                          {"llama-3-8b", 2 * 7504924672.0, 32, 131072}};
  const std::pair<const char*, double> chips[] = {{"a100_sxm", 2.039e12}, {"h100_sxm", 3.35e12}, {"h200_sxm", 4.8e12}};
  std::ostringstream csv;
  csv << "row_id,model,hardware,n_devices,tp,weight_dtype,engine,batch,prompt_len,gen_len,extra,metric,value,quality,"
         "group\n";
  int row = 0;
  for (const Model& m : models)
    for (const auto& [chip, bandwidth] : chips)
      for (const int prompt : {128, 1024, 4096}) {
        const double t = (m.weights / 0.7 + m.cache * (prompt + 64) / 0.5) / bandwidth + m.layers * 2e-5;
        csv << "r" << row << ',' << m.name << ',' << chip << ",1,1,fp16,gpt-fast,1," << prompt << ",128,,decode_tps,"
            << 1 / t << ",,g" << row / 3 << '\n';
        ++row;
      }
  return csv.str();
}

}  // namespace

TEST_CASE("constants calibrated to a file answer serve --engine through profile.json") {
  const std::string folder = std::filesystem::temp_directory_path().string() + "/engines_test";
  std::filesystem::create_directories(folder);
  write_file(folder + "/rows.csv", measured_rows());

  const Outcome calibrated = run({"calibrate", folder + "/rows.csv", "--write-profile", folder, "--json"});
  REQUIRE(calibrated.code == 0);
  CHECK(calibrated.json().at("cross_validated").at("mape").number() < 1);
  CHECK(std::filesystem::exists(folder + "/profile.json"));

  const Outcome validated =
      run({"validate", "inference", folder + "/rows.csv", "--calibrate", folder + "/rows.csv", "--json"});
  REQUIRE(validated.code == 0);
  CHECK(validated.json().at("rows").items().size() == 27);
  CHECK(validated.json().at("overall").at("mape").number() < 1);

  // The law has no prefill rows in that profile, so that the first token cannot be timed: refused, with the reason.
  const std::vector<std::string> serve = {"serve",    "llama-2-7b", "--on",       "a100", "--engine", "gpt-fast",
                                          "--prompt", "1024",       "--generate", "128",  "--json"};
  std::vector<std::string> with_profile = serve;
  with_profile.insert(with_profile.end(), {"--profile", folder + "/profile.json"});
  const Outcome refused = run(with_profile);
  CHECK(refused.code == 1);
  CHECK(refused.err.find("prefill") != std::string::npos);

  const Outcome served = run(serve);
  REQUIRE(served.code == 0);
  CHECK(served.json().at("engine").text() == "gpt-fast");
  CHECK(served.json().at("basis").text().find("fitted to") != std::string::npos);
  CHECK(served.json().at("tpot_s").number() >= served.json().at("tpot_floor_s").number());
}

TEST_CASE("serve --engine refuses what it cannot combine") {
  CHECK(run({"serve", "llama-3-8b", "--on", "h100", "--engine", "vllm", "--max-batch"}).code == 2);
  CHECK(run({"serve", "llama-3-8b", "--on", "h100", "--profile", "x.json"}).code == 2);
  CHECK(run({"serve", "llama-3-8b", "--on", "h100", "--engine", "tgi"}).code == 2);
}

TEST_CASE("validate names every row of a serving table that it does not predict") {
  const std::string file = std::filesystem::temp_directory_path().string() + "/serving_rows.csv";
  write_file(file,
             "row_id,measured_by,model,hardware,precision,mode,backend,isl,osl,concurrency,tp,metric,value,group\n"
             "a,InferenceX,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,vllm,1024,1024,16,8,tpot,9.7,new\n"
             "b,InferenceX,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,vllm,1024,1024,16,8,ttft,101,new\n"
             "c,InferenceX,no-such/model,h200_sxm,fp8,agg,vllm,1024,1024,16,8,tpot,9.7,new\n");
  for (const std::vector<std::string>& how : {std::vector<std::string>{}, {"--uncalibrated"}}) {
    std::vector<std::string> words = {"validate", "serving", file, "--json"};
    words.insert(words.end(), how.begin(), how.end());
    const Outcome o = run(words);
    REQUIRE(o.code == 0);
    const Value result = o.json();
    CHECK(result.at("rows").items().size() == 2);
    REQUIRE(result.at("unsupported").items().size() == 1);
    CHECK(result.at("unsupported").items()[0].at("row_id").text() == "c");
    for (const Value& row : result.at("rows").items()) {
      CHECK(row.at("low").number() <= row.at("predicted").number());
      CHECK(row.at("predicted").number() <= row.at("high").number());
    }
  }
}
