// The import commands, as a user runs them on files that a test makes.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <sstream>

#include "agrees.h"
#include "apps/command.h"
#include "isoflop/catalogue/csv_table.h"
#include "isoflop/report/value.h"
#include "lib/import/tensor_bytes.h"
#include "paths.h"

using namespace isoflop;
using namespace isoflop::test;
namespace fs = std::filesystem;

namespace {

struct Ran {
  int code = 0;
  std::string out, err;
  Value result;
};

Ran ran(std::vector<std::string> arguments) {
  arguments.push_back("--json");
  std::ostringstream out, err;
  Ran r;
  r.code = app::run(arguments, out, err);
  r.out = out.str();
  r.err = err.str();
  if (r.code == 0 || r.code == 4) r.result = parse_json(r.out, "output").at("result");
  return r;
}

struct Folder {
  fs::path path = fs::temp_directory_path() / ("isoflop-import-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string put(const std::string& name, const std::string& bytes) const {
    write_file((path / name).string(), bytes);
    return (path / name).string();
  }
};

// A Llama of two layers: V 16, d 8, 2 heads, f 12, untied.
const std::string tiny_config =
    R"({"model_type": "llama", "hidden_size": 8, "vocab_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
  "num_key_value_heads": 1, "intermediate_size": 12, "max_position_embeddings": 64})";

std::string tiny_weights(bool with_head) {
  std::string json = "{";
  std::size_t at = 0;
  const auto add = [&](const std::string& name, std::initializer_list<int> shape) {
    std::size_t elements = 1;
    std::string list;
    for (const int size : shape)
      elements *= static_cast<std::size_t>(size), list += (list.empty() ? "" : ", ") + std::to_string(size);
    json += (at ? ", \"" : "\"") + name + R"(": {"dtype": "BF16", "shape": [)" + list + R"(], "data_offsets": [)" +
            std::to_string(at) + ", " + std::to_string(at + 2 * elements) + "]}";
    at += 2 * elements;
  };
  add("model.embed_tokens.weight", {16, 8});
  for (const char* layer : {"0", "1"}) {
    const std::string p = std::string("model.layers.") + layer + ".";
    add(p + "self_attn.q_proj.weight", {8, 8});
    add(p + "self_attn.k_proj.weight", {4, 8});
    add(p + "self_attn.v_proj.weight", {4, 8});
    add(p + "self_attn.o_proj.weight", {8, 8});
    add(p + "mlp.gate_proj.weight", {12, 8});
    add(p + "mlp.up_proj.weight", {12, 8});
    add(p + "mlp.down_proj.weight", {8, 12});
    add(p + "input_layernorm.weight", {8});
    add(p + "post_attention_layernorm.weight", {8});
  }
  add("model.norm.weight", {8});
  if (with_head) add("lm_head.weight", {16, 8});
  return safetensors(json + "}", at);
}

}  // namespace

TEST_CASE("weights beside their config.json are counted and agree to the parameter") {
  const Folder folder;
  const auto weights = folder.put("model.safetensors", tiny_weights(true));
  folder.put("config.json", tiny_config);
  const Ran r = ran({"models", "import", weights});
  REQUIRE(r.code == 0);
  CHECK(r.result.at("params_total").number() == 2 * 128 + 2 * (192 + 288 + 16) + 8);
  CHECK(r.result.at("compared").at("difference").number() == 0);
  CHECK(r.result.at("bits_per_param").number() == 16);
  CHECK(r.result.at("groups").items().size() == 12);
  const auto written = folder.put("model.json", r.out);
  CHECK(ran({"models", "import", written}).code != 0);
  CHECK(ran({"train", written, "--on", "h100-sxm-80gb", "--count", "1", "--tokens", "1M"}).code == 0);
}

TEST_CASE("an index of shards is imported as the one model that its shards are") {
  const std::string folder = std::string(source_dir) + "/docs/examples/tiny_shards/";
  const Ran r = ran({"models", "import", folder + "model.safetensors.index.json"});
  REQUIRE(r.code == 0);
  CHECK(r.result.at("params_total").number() == 1256);
  CHECK(r.result.at("compared").at("difference").number() == 0);
  const Ran alone = ran({"models", "import", folder + "model-00001-of-00002.safetensors"});
  CHECK(alone.result.at("compared").at("difference").number() < 0);
  const Folder empty;
  const auto index =
      empty.put("model.safetensors.index.json", R"({"weight_map": {"a": "model-00001-of-00001.safetensors"}})");
  const Ran missing = ran({"models", "import", index});
  CHECK(missing.code == 1);
  CHECK(missing.err.find("1 of 1 shards are not beside it: model-00001-of-00001.safetensors") != std::string::npos);
}

TEST_CASE("weights that are not the model asked for are printed and not trusted") {
  const Folder folder;
  const auto weights = folder.put("model.safetensors", tiny_weights(false));
  folder.put("other.json", tiny_config);
  const Ran r = ran({"models", "import", weights, "--model", (folder.path / "other.json").string()});
  CHECK(r.code == 4);
  CHECK(r.result.at("compared").at("difference").number() == -128);
  CHECK(ran({"models", "import", weights}).result.find("compared") == nullptr);
}

TEST_CASE("a GGUF file that names a catalogue model is compared with it") {
  const Folder folder;
  Gguf made;
  made.meta("general.name", 8, text("Llama-3-8B")).tensor("t", {32}, 2, 0);
  const Ran r = ran({"models", "import", folder.put("x.gguf", made.file(18))});
  REQUIRE(r.code == 0);
  CHECK(r.result.at("compared").at("params_total").number() == 8030261248.0);
  CHECK(r.out.find("other weights, or not all shards") != std::string::npos);
}

TEST_CASE("a hostile weight file is bad input with its byte, and options that do not fit are refused") {
  const Folder folder;
  const auto bad = folder.put("x.safetensors", little_endian<std::uint64_t>(UINT64_MAX) + "{}");
  Ran r = ran({"models", "import", bad});
  CHECK(r.code == 3);
  CHECK(r.err.find("x.safetensors: byte 0: ") != std::string::npos);
  CHECK(r.out.empty());
  const auto config = folder.put("config.json", tiny_config);
  CHECK(ran({"models", "import", config, "--header-only"}).code == 2);
  CHECK(ran({"models", "import", config, config}).code == 2);
}

TEST_CASE("harness results become a table that outliers reads") {
  const Folder folder;
  const auto results = folder.put(
      "results.json",
      R"({"results": {"mmlu": {"acc,none": 0.99, "acc_stderr,none": 0.004}, "gsm8k": {"exact_match,strict-match": 0.5}},
    "n-shot": {"mmlu": 5}, "model_name": "nobody/a-new-model"})");
  const std::string csv = (folder.path / "scores.csv").string();
  const Ran r =
      ran({"models", "import-scores", results, "--task", "mmlu", "--active-params", "7B", "--tokens", "2T", "-o", csv});
  REQUIRE(r.code == 0);
  const auto table = CsvTable::read(csv);
  REQUIRE(table.rows() == 1);
  CHECK(table.required_number(0, table.column("score")) == 99);
  CHECK(table.required_number(0, table.column("shots")) == 5);
  CHECK(table.required_number(0, table.column("active_params")) == 7e9);
  const Ran judged = ran({"outliers", "--benchmark", "mmlu", "--score-only", csv, "--bootstrap", "0"});
  REQUIRE(judged.code == 0);
  bool found = false;
  for (const Value& m : judged.result.at("models").items())
    if (m.at("name").text() == "nobody/a-new-model") found = m.at("is_outlier").truth() && m.at("score").number() == 99;
  CHECK(found);
  CHECK(ran({"models", "import-scores", results, "--task", "mmlo"}).code == 2);
}

TEST_CASE("a harness run with a limit is no score of the benchmark, and shots of old files are read") {
  const Folder folder;
  const auto imported = [&](const std::string& text) {
    return ran({"models", "import-scores", folder.put("limited.json", text)}).out;
  };
  const std::string results = R"("results": {"mmlu": {"acc": 0.6}}, "model_name": "x")";
  const std::string whole = imported("{" + results + R"(, "config": {"limit": null, "num_fewshot": 25}})");
  CHECK(whole.find("part of the benchmark") == std::string::npos);
  CHECK(whole.find("\"shots\": 25,") != std::string::npos);
  CHECK(imported("{" + results + R"(, "config": {"limit": 10}})").find("(limit 10)") != std::string::npos);
  CHECK(imported("{" + results + R"(, "n-samples": {"mmlu": {"original": 14042, "effective": 50}}})")
            .find("(50 of 14042 examples of mmlu)") != std::string::npos);
}

TEST_CASE("scores of a catalogue model take its size and tokens, and differing shots are said") {
  const Folder folder;
  const auto with_shots = [&](const char* name, int shots) {
    return folder.put(name, R"({"results": {"mmlu": {"acc,none": 0.6}}, "n-shot": {"mmlu": )" + std::to_string(shots) +
                                R"(}, "model_name": "meta-llama/Meta-Llama-3-8B"})");
  };
  const Ran r = ran({"models", "import-scores", with_shots("a.json", 5), with_shots("b.json", 0), "--task", "mmlu"});
  REQUIRE(r.code == 0);
  CHECK(r.result.at("scores").items()[0].at("tokens").number() == 1.5e13);
  CHECK(r.out.find("different numbers of shots (0, 5)") != std::string::npos);
}

TEST_CASE("Epoch's table keeps its attribution in every output") {
  const Folder folder;
  const auto table = folder.put(
      "epoch.csv",
      "Model,Domain,Publication date,Parameters,Training compute (FLOP),Training dataset size (datapoints)\n"
      "A,Language,2024-04-23,1e9,6e20,1e11\nB,Language,2023-01-01,1e9,6e22,1e11\nC,Vision,2024-01-01,1e9,,\n");
  const std::string csv = (folder.path / "out.csv").string();
  const Ran r = ran({"models", "import-epoch", table, "-o", csv});
  REQUIRE(r.code == 0);
  REQUIRE(r.result.at("models").items().size() == 2);
  CHECK(agrees(r.result.at("models").items()[1].at("compute_over_6nd").number(), 100, 12));
  CHECK(r.out.find("6 x parameters x data: 1") != std::string::npos);
  const auto written = CsvTable::read(csv);
  for (std::size_t row = 0; row < written.rows(); ++row)
    CHECK(written.text(row, written.column("source")).find("CC BY 4.0") != std::string::npos);
  CHECK(
      ran({"models", "import-epoch", table, "--domain", "all", "--since", "2024"}).result.at("models").items().size() ==
      2);
}

TEST_CASE("MLPerf summaries are told per system and per device, with catalogue accelerators recognised") {
  const Folder folder;
  const auto table = folder.put(
      "summary.csv",
      "Organization,Model,Scenario,Result,accelerator_model_name,accelerators_per_node,Units\n"
      "X,llama2-70b-99,Offline,31263.8,H100-SXM-80GB,8,Samples/s\nX,resnet50,Offline,1,H100-SXM-80GB,8,Samples/s\n");
  const Ran r = ran({"accelerators", "import-mlperf", table});
  REQUIRE(r.code == 0);
  const Value& row = r.result.at("results").items().at(0);
  CHECK(row.at("accelerator").text() == "h100-sxm-80gb");
  CHECK(row.at("unit").text() == "tokens/s");
  CHECK(agrees(row.at("value_per_device").number(), 3907.975, 12));
}
