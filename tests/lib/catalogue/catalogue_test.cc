// Every row of every compiled-in table parses, is sourced, and is found by its names.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "agrees.h"
#include "isoflop/catalogue/benchmarks.h"
#include "isoflop/catalogue/grids.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/error.h"
#include "isoflop/hardware/accelerator.h"

using namespace isoflop;

TEST_CASE("the catalogue holds 230 models, 2151 scores, 43 accelerators and 188 grid factors") {
  CHECK(ModelCatalogue::load().all().size() == 230);
  CHECK(ScoreTable::load().all().size() == 2151);
  CHECK(AcceleratorCatalogue::load().all().size() == 43);
  CHECK(GridCatalogue::load().all().size() == 188);
}

TEST_CASE("every value of a model has its source beside it") {
  for (const auto& m : ModelCatalogue::load().all()) {
    CAPTURE(m.id);
    if (m.params_total_published || m.params_active_published) CHECK_FALSE(m.params_source.empty());
    if (m.training_tokens) CHECK_FALSE(m.tokens_source.empty());
    if (m.layers) CHECK_FALSE(m.architecture_source.empty());
    CHECK_FALSE(m.tokens_confidence.empty());
    CHECK_FALSE(m.architecture_confidence.empty());
    CHECK_FALSE(m.facts_source.empty());
    CHECK(m.release_date.size() == 10);
  }
}

TEST_CASE("undisclosed training tokens stay unknown") {
  std::size_t undisclosed = 0;
  for (const auto& m : ModelCatalogue::load().all())
    if (m.tokens_confidence == "undisclosed") {
      ++undisclosed;
      CHECK_MESSAGE(!m.training_tokens.has_value(), m.id);
    }
  CHECK(undisclosed == 30);
}

TEST_CASE("a model is found by id, printed name, repository, short form, whatever its case and hyphens") {
  const auto models = ModelCatalogue::load();
  for (const char* name :
       {"phi-3-mini", "Phi-3-mini", "phi-3-mini-3.8b", "microsoft/Phi-3-mini-4k-instruct", "Phi 3 mini", "PHI3_MINI"})
    CHECK_MESSAGE(models.require(name).id == "phi-3-mini", name);
  for (const char* name : {"Llama-3-8B", "Meta-Llama-3-8B", "meta-llama/Meta-Llama-3-8B", "llama3-8b"})
    CHECK_MESSAGE(models.require(name).id == "llama-3-8b", name);
  CHECK(models.require("snowflake-arctic").id == "arctic");
  CHECK(models.require("Command-R+").id == "command-r-plus");
  CHECK(models.require("command-r").id == "command-r");
  CHECK(models.find("no-such-model") == nullptr);
}

TEST_CASE("a mistyped model suggests ids") {
  const auto models = ModelCatalogue::load();
  CHECK_THROWS_WITH_AS(models.require("phi-3-mny"), "unknown model \"phi-3-mny\"; did you mean phi-3-mini?", Error);
}

TEST_CASE("facts of known models are exact") {
  const auto models = ModelCatalogue::load();
  const auto& phi = models.require("phi-3-mini");
  CHECK(phi.training_tokens == 3'300'000'000'000);
  CHECK(phi.params_total_recounted == 3'821'079'552);
  const auto& mixtral = models.require("mixtral-8x7b");
  CHECK(mixtral.params_total_recounted == 46'702'792'704);
  CHECK_FALSE(mixtral.training_tokens.has_value());
  CHECK(mixtral.is_mixture());
  const auto& arctic = models.require("arctic");
  CHECK(arctic.dense_residual_ffn_size == 7168);
  CHECK(arctic.kv_heads == 8);
  CHECK(models.require("btlm-3b").training_tokens == 627'000'000'000);
}

TEST_CASE("the table with billions and trillions reads as the one with plain counts") {
  const auto models = ModelCatalogue::from(CsvTable::parse(
      "model,total_params_published_billion,training_tokens_trillion,layers\nPhi-3-mini,3.821,3.3,32\n", "m.csv"));
  CHECK(models.require("phi-3-mini").params_total_published == 3'821'000'000);
  CHECK(models.require("phi-3-mini").training_tokens == 3'300'000'000'000);
}

TEST_CASE("two models cannot share a name") {
  CHECK_THROWS_WITH_AS(ModelCatalogue::from(CsvTable::parse("id,aliases\na-1,x\nb-1,X\n", "m.csv")),
                       "m.csv:3: \"X\" already names a-1 in line 2", Error);
  CHECK_THROWS_AS(ModelCatalogue::from(CsvTable::parse("id\na\nA\n", "m.csv")), Error);
}

TEST_CASE("every score has a source, a kind, a known model and a value its unit allows") {
  const auto models = ModelCatalogue::load();
  const auto ids = models.ids();
  const std::set<std::string> known(ids.begin(), ids.end());
  for (const auto& s : ScoreTable::load().all()) {
    CAPTURE(s.model);
    CAPTURE(s.benchmark);
    CHECK(known.count(s.model) == 1);
    CHECK_FALSE(s.source.empty());
    CHECK_FALSE(s.confidence.empty());
    CHECK_FALSE(s.kind.empty());
    if (s.unit == "percent") CHECK((s.value >= 0 && s.value <= 100));
    else if (s.unit == "elo") CHECK((s.value > 600 && s.value < 1600 && !s.date.empty()));
    else CHECK((s.unit == "score_0_to_10" && s.value >= 0 && s.value <= 10));
  }
}

TEST_CASE("the four BBH values filed as MMLU are excluded") {
  const auto scores = ScoreTable::load();
  std::vector<std::string> excluded;
  for (const auto& s : scores.all())
    if (!s.usable()) excluded.push_back(s.model);
  std::sort(excluded.begin(), excluded.end());
  CHECK(excluded == std::vector<std::string>{"nemotron-4-15b", "qwen-1.8b", "qwen-14b", "qwen-7b"});
  for (const auto* s : scores.of("qwen-7b", "mmlu")) CHECK(s->value != 45.0);
}

TEST_CASE("a model has at most one preferred MMLU value, and it is usable") {
  std::map<std::string, int> preferred;
  for (const auto& s : ScoreTable::load().all())
    if (s.preferred) {
      CHECK(s.benchmark == "mmlu");
      CHECK_MESSAGE(s.usable(), s.model);
      CHECK_MESSAGE(++preferred[s.model] == 1, s.model);
    }
  CHECK(preferred.size() > 150);
}

TEST_CASE("every accelerator has a source, and its price and measurement have theirs") {
  for (const auto& a : AcceleratorCatalogue::load().all()) {
    CAPTURE(a.id);
    CHECK_FALSE(a.source.empty());
    CHECK_FALSE(a.confidence.empty());
    if (a.price_usd_per_hour) CHECK_FALSE(a.price_source.empty());
    if (a.measured_bf16_matmul_flop_per_s) CHECK_FALSE(a.measured_source.empty());
    if (a.fp8_flop_per_s && a.bf16_flop_per_s) CHECK(*a.fp8_flop_per_s <= 2.03 * *a.bf16_flop_per_s);
  }
}

TEST_CASE("accelerators read in SI units and answer to the names people use") {
  const auto devices = AcceleratorCatalogue::load();
  const auto& h100 = devices.require("h100");
  CHECK(h100.id == "h100-sxm-80gb");
  CHECK(h100.peak_flop_per_s(NumberFormat::Bf16) == 989e12);
  CHECK(h100.memory_bytes == 80e9);
  CHECK(h100.bandwidth_bytes_per_s == 3350e9);
  CHECK(h100.intra_node_bytes_per_s == 450e9);
  CHECK_FALSE(h100.peak_flop_per_s(NumberFormat::Fp4).has_value());
  CHECK(devices.require("a100-sxm-40gb").bandwidth_bytes_per_s == 1555e9);
  CHECK(devices.require("A100-80GB").id == "a100-sxm-80gb");
  CHECK(devices.require("mi300x").vendor == "AMD");
  CHECK_FALSE(devices.require("TPUv4").intra_node_is_per_device);
  CHECK_THROWS_WITH_AS(devices.require("h10"), doctest::Contains("did you mean"), Error);
}

TEST_CASE("grid factors have sources and licences; a country wins over a region of the same name") {
  const auto grids = GridCatalogue::load();
  for (const auto& g : grids.all()) {
    CHECK_FALSE(g.source.empty());
    CHECK_FALSE(g.licence.empty());
  }
  CHECK(grids.require("SWE").name == "Sweden");
  CHECK(grids.require("sweden").zone == "SWE");
  CHECK(grids.require("se").zone == "SWE");
  CHECK(grids.require("Georgia").zone == "GEO");
  CHECK(grids.require("us-central1").name == "Iowa");
  CHECK(grids.require("USA").year >= grids.require("USA", 2023).year);
  CHECK_THROWS_WITH_AS(grids.require("swedn"), doctest::Contains("did you mean"), Error);
  CHECK_THROWS_AS(grids.require("SWE", 1999), Error);
}
