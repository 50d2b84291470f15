// `models`, `accelerators` and `grids`, run in process as a user would.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "apps/run_command.h"
#include "isoflop/report/value.h"

using isoflop::test::result_of;
using isoflop::test::run_command;

TEST_CASE("models list counts, filters and sorts") {
  CHECK(result_of({"models", "list"}).at("n").number() == 230);
  const auto phi = result_of({"models", "list", "--family", "phi"}).at("models").items();
  CHECK(phi.size() == 8);
  const auto mixtures = result_of({"models", "list", "--kind", "moe", "--sort", "active"}).at("models").items();
  REQUIRE(mixtures.size() > 10);
  double before = 1e18;
  for (const auto& model : mixtures) {
    CHECK(model.at("mixture_of_experts").truth());
    CHECK(model.at("params_active").number() <= before);
    before = model.at("params_active").number();
  }
  const auto scored =
      result_of({"models", "list", "--with-benchmark", "mmlu", "--sort", "score", "--until", "2024-04-30"});
  CHECK(scored.at("models").items().front().at("id").text() == "claude-3-opus");
}

TEST_CASE("models show gives facts, sources and every published score") {
  const auto phi = result_of({"models", "show", "Phi-3-mini-4k-instruct"});
  CHECK(phi.at("id").text() == "phi-3-mini");
  CHECK(phi.at("facts").at("training_tokens").number() == 3.3e12);
  CHECK(phi.at("sources").at("training_tokens").at("source").text() == "arXiv:2404.14219 (3.3T)");
  CHECK(phi.at("dimensions").at("layers").number() == 32);
  for (const auto& score : phi.at("scores").items()) CHECK_FALSE(score.at("source").text().empty());
  CHECK(result_of({"models", "show", "btlm-3b"}).at("conflicts").items().size() == 1);
  const auto closed = result_of({"models", "show", "gpt-4"});
  CHECK(closed.at("facts").at("training_tokens").is_null());
  CHECK(closed.at("dimensions").is_null());
}

TEST_CASE("accelerators and grids show SI values with their sources") {
  const auto h100 = result_of({"accelerators", "show", "h100"});
  CHECK(h100.at("id").text() == "h100-sxm-80gb");
  CHECK(h100.at("facts").at("bf16_flop_per_s").number() == 989e12);
  CHECK(h100.at("sources").at("price_usd_per_hour").at("confidence").text() == "unverified");
  CHECK(result_of({"accelerators", "list", "--vendor", "amd"}).at("n").number() == 5);
  CHECK(result_of({"grids", "show", "sweden"}).at("factors").items().size() == 2);
  CHECK(result_of({"grids", "list", "--kind", "lifecycle"}).at("n").number() == 8);
}

TEST_CASE("typing errors are answered with the nearest name and exit code 2") {
  for (const auto& [arguments, expected] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"models", "show", "lama-3-8b"}, "llama-3-8b"},
           {{"models", "list", "--family", "Qwin"}, "Qwen"},
           {{"models", "list", "--with-benchmark", "mmlv"}, "mmlu"},
           {{"accelerators", "show", "h100-smx-80gb"}, "h100-sxm-80gb"},
           {{"accelerators", "list", "--vendor", "Nvida"}, "NVIDIA"},
           {{"grids", "show", "Swedn"}, "Sweden"}}) {
    const auto outcome = run_command(arguments);
    CHECK(outcome.code == 2);
    CHECK_MESSAGE(outcome.err.find(expected) != std::string::npos, outcome.err);
    CHECK(outcome.out.empty());
  }
}

TEST_CASE("CSV gives plain counts where people read 3.82B") {
  const auto csv = run_command({"models", "list", "--family", "Phi-3", "--csv"}).out;
  CHECK(csv.find("phi-3-mini,Phi-3,Microsoft,2024-04-23,3821079552,3821079552,3300000000000,4096") !=
        std::string::npos);
  CHECK(run_command({"models", "list", "--family", "Phi-3"}).out.find("3.82B") != std::string::npos);
}

TEST_CASE("a data folder that is none, or holds no table, is refused: built-in figures do not stand in for it") {
  const auto folder = std::filesystem::temp_directory_path() / "isoflop-no-data";
  std::filesystem::create_directories(folder);
  for (const std::string path : {"/no/such/folder", folder.c_str()}) {
    CHECK(run_command({"models", "show", "phi-3-mini", "--data", path}).code == 1);
    setenv("ISOFLOP_DATA", path.c_str(), 1);
    const auto outcome = run_command({"models", "show", "phi-3-mini"});
    unsetenv("ISOFLOP_DATA");
    CHECK(outcome.code == 1);
    CHECK(outcome.err.find("ISOFLOP_DATA") != std::string::npos);
  }
}

TEST_CASE("a table in the folder of --data replaces the built-in one, and the result says which was used") {
  const auto folder = std::filesystem::temp_directory_path() / "isoflop-data-test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "models.csv") << "id,training_tokens\r\nmine,5\r\n";
  const auto outcome = run_command({"models", "list", "--json", "--data", folder.string()});
  REQUIRE(outcome.code == 0);
  const auto json = isoflop::parse_json(outcome.out, "stdout");
  CHECK(json.at("result").at("n").number() == 1);
  CHECK(json.at("inputs").items().front().at("path").text() == (folder / "models.csv").string());
  std::filesystem::remove_all(folder);
}
