#include <doctest/doctest.h>

#include <sstream>

#include "agrees.h"
#include "apps/command.h"

namespace {
struct Outcome {
  int code;
  std::string out, err;
};
Outcome run(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const int code = isoflop::app::run(arguments, out, err);
  return {code, out.str(), err.str()};
}
}  // namespace

TEST_CASE("laws list names every law with its formula and whether its published prediction is reproduced") {
  const auto json = run({"laws", "list", "--json"});
  REQUIRE(json.code == 0);
  const auto parsed = isoflop::parse_json(json.out, "out");
  const auto& laws = parsed.at("result").at("laws").items();
  CHECK(laws.size() == 15);
  for (const auto& law : laws) CHECK(law.at("self_test").at("reproduced").truth() == (law.at("id").text() != "precision"));
  const auto text = run({"laws", "list"});
  CHECK(text.out.find("L = E + A/N^alpha + B/D^beta") != std::string::npos);
}

TEST_CASE("laws show gives unrounded constants with evidence, and finds a law by its constants") {
  const auto json = run({"laws", "show", "hoffmann", "--json"});
  REQUIRE(json.code == 0);
  const auto result = isoflop::parse_json(json.out, "out").at("result");
  CHECK(result.at("id").text() == "chinchilla");
  const auto& first = result.at("published").items()[0];
  CHECK(first.at("evidence").text() == "verified");
  CHECK(agrees(first.at("values").at("alpha").number(), 0.33917084, 15));
  CHECK(agrees(result.at("published").items()[1].at("standard_errors").at("A").number(), 124.58, 15));
  CHECK(run({"laws", "show", "besirogl"}).err.find("besiroglu") != std::string::npos);
  CHECK(run({"laws", "show", "besirogl"}).code == 2);
  CHECK(run({"laws", "show", "precision"}).out.find("not reproduced") != std::string::npos);
}

TEST_CASE("laws fit: any law is fitted to its own columns, with status, intervals and the reason where there is none") {
  const auto outcome = run({"laws", "fit", "kaplan", "chinchilla", "--replicates", "25", "--search-points", "200", "--json"});
  CHECK(outcome.code == 0);
  const auto json = isoflop::parse_json(outcome.out, "out");
  const auto& result = json.at("result");
  CHECK(result.at("status").text() == "certified");
  CHECK(result.at("n").number() == 240);
  const auto& alpha = result.at("parameters").at("alpha_N");
  CHECK(alpha.at("low").number() < alpha.at("estimate").number());
  // Without a floor the fit is worse than Chinchilla's 0.00101827557513.
  CHECK(result.at("objective").number() > 0.0011);
  CHECK(run({"laws", "fit", "data-constrained", "chinchilla"}).code == 2);
  CHECK(run({"laws", "fit", "nonsense", "chinchilla"}).code == 2);
}
