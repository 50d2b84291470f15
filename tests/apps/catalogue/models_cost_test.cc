#include <doctest/doctest.h>

#include <cstdio>
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
  Value json;
  std::string err;
};
Outcome run_json(std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  std::ostringstream out, err;
  const int code = app::run(arguments, out, err);
  return {code, code == 0 || code == 4 ? parse_json(out.str(), "stdout") : Value(), err.str()};
}
}  // namespace

TEST_CASE("models show prints exact parameters, KV bytes and FLOP per token") {
  const Outcome shown = run_json({"models", "show", "arctic"});
  REQUIRE(shown.code == 0);
  const Value& r = shown.json.at("result");
  CHECK(r.at("params_total").number() == 478584608768);
  CHECK(r.at("params_active").number() == 17318647808);
  CHECK(r.at("params_active_without_embedding").number() == 17318647808 - 458752000);
  CHECK(r.at("params_active_without_input_embedding").number() == 17318647808 - 458752000 / 2);
  CHECK(r.at("kv_bytes_per_token").number() == 143360);
  CHECK(agrees(r.at("flops_per_token_forward").number(), 36.232e9, 4));
  CHECK(r.at("params_by_part").at("expert").at("total").number() == 128 * 3660840960.0);
}

TEST_CASE("a model whose design is not supported shows its published counts and says why nothing else") {
  const Outcome shown = run_json({"models", "show", "jamba-v0.1"});
  REQUIRE(shown.code == 0);
  CHECK(shown.json.at("result").at("flops_per_token_forward").is_null());
  CHECK(shown.json.at("result").at("params_total").number() == 51.6e9);
  CHECK(to_json(shown.json.at("warnings")).find("7 Mamba layers to 1 attention") != std::string::npos);
}

TEST_CASE("an imported config is counted, and its result is a model that can be read back") {
  const std::string folder = std::filesystem::temp_directory_path().string() + "/models_import_test";
  std::filesystem::create_directories(folder);
  write_file(folder + "/config.json",
             R"({"model_type":"mixtral","hidden_size":4096,"intermediate_size":14336,"num_attention_heads":32,
    "num_hidden_layers":32,"num_key_value_heads":8,"vocab_size":32000,"num_local_experts":8,"num_experts_per_tok":2})");
  const Outcome imported = run_json({"models", "import", folder + "/config.json", "--name", "mix"});
  REQUIRE(imported.code == 0);
  CHECK(imported.json.at("result").at("params_total").number() == 46702792704);
  CHECK(imported.json.at("result").at("params_active").number() == 12879925248);
  CHECK(imported.json.at("result").at("name").text() == "mix");
  write_file(folder + "/bad.json", R"({"model_type":"rwkv"})");
  const Outcome refused = run_json({"models", "import", folder + "/bad.json"});
  CHECK(refused.code == 3);
  CHECK(refused.err.find("model_type \"rwkv\" is not supported") != std::string::npos);
}
