#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "agrees.h"
#include "apps/run_command.h"
#include "isoflop/fits/chinchilla_law.h"

using isoflop::test::run_command;

TEST_CASE("compare: all approaches stand side by side with exponents, optima and paired differences") {
  const auto outcome = run_command({"compare", "chinchilla", "--replicates", "40", "--compute", "1e21,1e24", "--json"});
  REQUIRE(outcome.code == 0);
  const auto json = isoflop::parse_json(outcome.out, "out");
  const auto& result = json.at("result");
  const auto& approaches = result.at("approaches").items();
  REQUIRE(approaches.size() == 4);
  for (const auto& approach : approaches) {
    const auto& a = approach.at("exponent_a");
    CHECK(a.at("low").number() <= a.at("estimate").number());
    CHECK(a.at("high").number() >= a.at("estimate").number());
    CHECK(agrees(approach.at("exponent_b").at("estimate").number(), 1 - a.at("estimate").number(), 12));
    CHECK(approach.at("optima").items().size() == 2);
  }
  CHECK(agrees(approaches[2].at("exponent_a").at("estimate").number(), 0.513901, 6));
  CHECK(std::fabs(approaches[3].at("exponent_a").at("estimate").number() - 0.5036) < 1e-4);
  CHECK(result.at("differences").items().size() == 6);
  CHECK(result.at("isoflop_curves").items().size() == 9);
}

TEST_CASE("compare: training curves add approach 1") {
  const auto folder = std::filesystem::temp_directory_path() / "isoflop_compare_test";
  std::filesystem::create_directories(folder);
  const auto path = (folder / "curves.csv").string();
  const isoflop::fits::ChinchillaLaw law{1.8172, 482.01, 2085.43, 0.3478, 0.3658, 1};
  std::ofstream file(path);
  file << "run,params,tokens,loss\n";
  for (int i = 0; i < 25; ++i)
    for (int k = 0; k < 60; ++k) {
      const double params = 1e7 * std::pow(1.3, i), tokens = params * 0.5 * std::pow(1.15, k);
      file << "r" << i << "," << params << "," << tokens << "," << law.loss(params, tokens) << "\n";
    }
  file.close();
  const auto outcome = run_command({"compare", "chinchilla", "--replicates", "0", "--curves", path, "--json"});
  REQUIRE(outcome.code == 0);
  const auto json = isoflop::parse_json(outcome.out, "out");
  const auto& first = json.at("result").at("approaches").items()[0];
  CHECK(first.at("id").text() == "approach-1");
  CHECK(std::fabs(first.at("exponent_a").at("estimate").number() - law.exponent_a()) < 0.02);
  CHECK(run_command({"compare", "chinchilla", "--curves", (folder / "none.csv").string()}).code == 1);
  std::filesystem::remove_all(folder);
}

TEST_CASE("compare: bad budgets are refused") {
  CHECK(run_command({"compare", "chinchilla", "--compute", "many"}).code == 2);
  CHECK(run_command({"compare", "chinchilla", "--budgets", "-1e20"}).code == 2);
  CHECK(run_command({"compare", "none.csv"}).code == 1);
}
