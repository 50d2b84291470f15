#include <doctest/doctest.h>

#include "agrees.h"
#include "apps/run_command.h"

using isoflop::test::run_command;

TEST_CASE("laws list names every law with its formula and whether its published prediction is reproduced") {
  const auto json = run_command({"laws", "list", "--json"});
  REQUIRE(json.code == 0);
  const auto parsed = isoflop::parse_json(json.out, "out");
  const auto& laws = parsed.at("result").at("laws").items();
  CHECK(laws.size() == 15);
  for (const auto& law : laws)
    CHECK(law.at("self_test").at("reproduced").truth() == (law.at("id").text() != "precision"));
  const auto text = run_command({"laws", "list"});
  CHECK(text.out.find("L = E + A/N^alpha + B/D^beta") != std::string::npos);
}

TEST_CASE("laws show gives unrounded constants with evidence, and finds a law by its constants") {
  const auto json = run_command({"laws", "show", "hoffmann", "--json"});
  REQUIRE(json.code == 0);
  const auto result = isoflop::parse_json(json.out, "out").at("result");
  CHECK(result.at("id").text() == "chinchilla");
  const auto& first = result.at("published").items()[0];
  CHECK(first.at("evidence").text() == "verified");
  CHECK(agrees(first.at("values").at("alpha").number(), 0.33917084, 15));
  CHECK(agrees(result.at("published").items()[1].at("standard_errors").at("A").number(), 124.58, 15));
  CHECK(run_command({"laws", "show", "besirogl"}).err.find("besiroglu") != std::string::npos);
  CHECK(run_command({"laws", "show", "besirogl"}).code == 2);
  CHECK(run_command({"laws", "show", "precision"}).out.find("not reproduced") != std::string::npos);
  const auto markdown = run_command({"laws", "show", "chinchilla", "--md"}).out;
  for (const char* row : {"| alpha | 1 | exponent of parameters | 0.02 | 1.2 |",
                          "| besiroglu | 1.8172 | 482.01 | 2085.43 | 0.3478 | 0.3658 |",
                          "| besiroglu, s.e. | 0.03 | 124.58 | 1293.23 | 0.02 | 0.02 |",
                          "| C 1.4e18 to 1.3e22, N 57M to 16.2B, D 240M to 320B |"})
    CHECK(markdown.find(row) != std::string::npos);
}

TEST_CASE("laws fit: any law is fitted to its own columns, with status, intervals and the reason where there is none") {
  const auto outcome =
      run_command({"laws", "fit", "kaplan", "chinchilla", "--replicates", "25", "--search-points", "200", "--json"});
  CHECK(outcome.code == 0);
  const auto json = isoflop::parse_json(outcome.out, "out");
  const auto& result = json.at("result");
  CHECK(result.at("status").text() == "certified");
  CHECK(result.at("n").number() == 240);
  const auto& alpha = result.at("parameters").at("alpha_N");
  CHECK(alpha.at("low").number() < alpha.at("estimate").number());
  // Without a floor the fit is worse than Chinchilla's 0.00101827557513.
  CHECK(result.at("objective").number() > 0.0011);
  CHECK(run_command({"laws", "fit", "data-constrained", "chinchilla"}).code == 2);
  CHECK(run_command({"laws", "fit", "nonsense", "chinchilla"}).code == 2);
}
