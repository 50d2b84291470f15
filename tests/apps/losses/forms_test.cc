#include <doctest/doctest.h>

#include "apps/run_command.h"

using isoflop::test::run_command;

TEST_CASE("the shipped sweep has at least thirty runs, answers by name, and brings its curves") {
  const auto fit = run_command({"fit", "sweep", "--bootstrap", "0", "--json"});
  REQUIRE((fit.code == 0 || fit.code == 4));
  CHECK(isoflop::parse_json(fit.out, "out").at("result").at("n").number() >= 30);
  const auto compare = run_command({"compare", "sweep", "--replicates", "0", "--json"});
  REQUIRE((compare.code == 0 || compare.code == 4));
  const auto result = isoflop::parse_json(compare.out, "out").at("result");
  CHECK(result.at("approaches").items().front().at("id").text() == "approach-1");
  CHECK(run_command({"laws", "fit", "saturating", "sweep", "--replicates", "0"}).code == 0);
}

TEST_CASE("forms: wrong words and too deep a cut are refused") {
  CHECK(run_command({"forms", "sweep", "--hold-out", "5"}).code == 2);
  CHECK(run_command({"forms", "no-such.csv"}).code == 1);
}

TEST_SUITE("slow") {
  TEST_CASE(
      "the top half-decade of the shipped sweep is predicted from the rest within 2 percent by the recommended form") {
    const auto outcome = run_command({"forms", "sweep", "--json"});
    REQUIRE(outcome.code == 0);
    const auto result = isoflop::parse_json(outcome.out, "out").at("result");
    CHECK(result.at("held_out").number() >= 6);
    bool seen = false;
    for (const auto& form : result.at("forms").items()) {
      if (form.at("id").text() != result.at("recommended").text()) continue;
      seen = true;
      CHECK(form.at("held_out").at("mean_error").number() < 0.02);
      CHECK(form.at("held_out").at("largest_error").number() < 0.02);
    }
    CHECK(seen);
  }
}
