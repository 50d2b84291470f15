#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

#include "agrees.h"
#include "apps/command.h"

namespace {
struct Outcome {
  int code;
  std::string out, err;
};
Outcome run(std::vector<std::string> arguments) {
  arguments.push_back("--json");
  std::ostringstream out, err;
  const int code = isoflop::app::run(arguments, out, err);
  return {code, out.str(), err.str()};
}
isoflop::Value result_of(const std::vector<std::string>& arguments) {
  const auto outcome = run(arguments);
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  const auto json = isoflop::parse_json(outcome.out, "out");
  return json.at("result");
}
}  // namespace

TEST_CASE("predict: the loss of a published law is the formula's, without an invented interval") {
  const auto result = result_of({"predict", "--params", "70B", "--tokens", "1.4T", "--law", "hoffmann-rounded"});
  const double expected = 1.69 + 406.4 / std::pow(70e9, 0.34) + 410.7 / std::pow(1.4e12, 0.28);
  CHECK(agrees(result.at("loss").at("estimate").number(), expected, 13));
  CHECK(result.at("loss").at("low").is_null());
}

TEST_CASE("predict: a refitted law gives the law's interval inside that of one run") {
  const auto result =
      result_of({"predict", "--params", "1B", "--tokens", "20B", "--replicates", "100", "--observed-loss", "3"});
  const auto &law = result.at("loss"), &one = result.at("loss_of_one_run");
  CHECK(law.at("low").number() < law.at("estimate").number());
  CHECK(one.at("low").number() < law.at("low").number());
  CHECK(one.at("high").number() > law.at("high").number());
  CHECK(result.at("observed").at("within_one_run_interval").truth() == false);
}

TEST_CASE("predict: laws with other inputs answer with them, and say what they lack") {
  const auto rate = result_of({"predict", "--params", "1B", "--tokens", "100B", "--law", "step-law-rate"});
  CHECK(
      agrees(rate.at("prediction").at("estimate").number(), 1.79 * std::pow(1e9, -0.713) * std::pow(1e11, 0.307), 12));
  const auto routed = result_of({"predict", "--params", "1B", "--law", "clark-sbase", "--given", "experts=64"});
  CHECK(routed.at("loss").at("estimate").number() > 1.5);
  // One epoch unless told otherwise.
  const auto once = result_of({"predict", "--params", "1B", "--tokens", "20B", "--law", "muennighoff"});
  const auto repeated =
      result_of({"predict", "--params", "1B", "--tokens", "20B", "--law", "muennighoff", "--unique-tokens", "5B"});
  CHECK(repeated.at("loss").at("estimate").number() > once.at("loss").at("estimate").number());
  CHECK(run({"predict", "--params", "1B", "--law", "clark-sbase"}).err.find("experts") != std::string::npos);
  CHECK(run({"predict", "--params", "1B", "--tokens", "1B", "--law", "clark-sbase"}).code == 2);
  CHECK(run({"predict", "--params", "1B", "--tokens", "1B", "--law", "farseer"}).code == 2);
  // The law that fails its own published prediction is not to be trusted.
  CHECK(run({"predict", "--params", "1B", "--tokens", "20B", "--law", "kumar", "--given",
             "weight_bits=8,activation_bits=8,cache_bits=8"})
            .code == 4);
}

TEST_CASE("predict: a loss and a score are different questions") {
  CHECK(run({"predict", "--params", "1B", "--active-params", "1B", "--tokens", "20B"}).code == 2);
  CHECK(run({"predict", "--params", "1B"}).code == 2);
}

TEST_CASE("predict: naming a law is asking for what it gives, never silently for a score") {
  CHECK(run({"predict", "--tokens", "20B", "--law", "hoffmann"}).code == 2);
}
