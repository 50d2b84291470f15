// Counts stated by independent repositories, and the table of architectures counted by others.
#include <cmath>
#include <filesystem>
#include <map>

#include "agrees.h"
#include "blocks.h"
#include "isoflop/catalogue/csv_table.h"
#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/model/conventions.h"
#include "isoflop/model/parameters.h"
#include "paths.h"

using namespace isoflop;

namespace {
std::optional<Architecture> architecture_named(const std::string& name, const CsvTable& t, std::size_t row) {
  static const ModelCatalogue models = ModelCatalogue::load();
  static const std::map<std::string, std::string> aliases = {{"Phi-3-mini-4k", "phi-3-mini"},
                                                             {"Phi-3-small-8k", "phi-3-small"},
                                                             {"Phi-3-medium-4k", "phi-3-medium"},
                                                             {"Mixtral-8x22B-v0.1", "mixtral-8x22b"},
                                                             {"Mixtral-8x22B-Instruct", "mixtral-8x22b"},
                                                             {"Snowflake-Arctic", "arctic"}};
  const auto whole = [&](const char* column) { return t.whole(row, t.column(column)).value(); };
  if (name == "GPT-2-124M") return test::gpt(name, 12, 768, 12, 50257, 1024);
  if (name.rfind("mpt-", 0) == 0 || name == "GPT-3-175B")
    return test::gpt(name, whole("layers"), whole("hidden_size"), whole("heads"), whole("vocabulary_size"), 2048);
  const auto alias = aliases.find(name);
  const ModelRecord* record = models.find(alias == aliases.end() ? name : alias->second);
  if (!record) return std::nullopt;
  Architecture a = architecture_of(*record);
  a.vocabulary = whole("vocabulary_size");
  return a;
}
}  // namespace

TEST_CASE("every golden count that is reproducible is reproduced to the integer") {
  const CsvTable t = open_data_table("params_golden.csv");
  const ModelCatalogue models = ModelCatalogue::load();
  int exact = 0;
  for (std::size_t row = 0; row < t.rows(); ++row) {
    const std::string model(t.text(row, t.column("model")));
    CAPTURE(model);
    const std::int64_t ours = count_parameters(architecture_of(models.require(model))).total;
    exact += ours == t.whole(row, t.column("params_exact"));
  }
  CHECK(exact == 28);
}

TEST_CASE("the table of checked architectures: totals, active parameters, KV bytes and GFLOP per token") {
  const std::string path = std::string(ground_truth_dir) + "/ground_truth/architectures_check.csv";
  if (!std::filesystem::exists(path)) {
    MESSAGE("skipped: " << path << " is not there");
    return;
  }
  const CsvTable t = CsvTable::read(path);
  for (std::size_t row = 0; row < t.rows(); ++row) {
    const std::string name(t.text(row, t.column("model")));
    CAPTURE(name);
    const auto a = architecture_named(name, t, row);
    REQUIRE(a.has_value());
    const ParameterCount count = count_parameters(*a);
    CHECK(count.total == t.whole(row, t.column("total_params")));
    CHECK(count.active == t.whole(row, t.column("active_params")));
    CHECK(kv_elements_per_token(*a) == t.whole(row, t.column("kv_elements_per_token")));
    CHECK(2 * kv_elements_per_token(*a) == t.whole(row, t.column("kv_cache_bytes_per_token_bf16")));
    // The table takes S^2/2 pairs and counts some norm scales as matrices: half a unit of the third decimal, and these.
    const double gflop = forward_flops_per_token(*a, 4096, AttentionCounting::Causal) / 1e9;
    CHECK(std::fabs(gflop - t.required_number(row, t.column("forward_gflop_per_token_s4096_causal"))) <
          0.0005 + 3e-5 * gflop);
    CHECK(agrees(2 * static_cast<double>(count.total) / 1e9, t.required_number(row, t.column("weights_gb_bf16")), 2.8));
  }
}
