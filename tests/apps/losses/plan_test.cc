#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agrees.h"
#include "apps/command.h"

namespace {

struct Outcome {
  int code;
  std::string out, err;
  isoflop::Value json() const { return isoflop::parse_json(out, "out"); }
};

Outcome run(std::vector<std::string> arguments) {
  std::ostringstream out, err;
  const int code = isoflop::app::run(arguments, out, err);
  return {code, out.str(), err.str()};
}

isoflop::Value result_of(std::vector<std::string> arguments, int expected_code = 0) {
  arguments.push_back("--json");
  const auto outcome = run(arguments);
  CAPTURE(outcome.err);
  CHECK(outcome.code == expected_code);
  const auto json = outcome.json();
  return json.at("result");
}

double estimate(const isoflop::Value& result, const char* key) { return result.at(key).at("estimate").number(); }

bool warns(const Outcome& outcome, const std::string& text) {
  const auto json = outcome.json();
  for (const auto& warning : json.at("warnings").items())
    if (warning.text().find(text) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("plan: published constants give the published tokens per parameter, without invented intervals") {
  for (const auto& [law, ratio] : {std::pair{"hoffmann", 58.93}, {"besiroglu", 18.39}, {"hoffmann-rounded", 92.65}}) {
    const auto result = result_of({"plan", "--compute", "5.76e23", "--law", law});
    CHECK(std::fabs(estimate(result, "tokens_per_param") - ratio) < 0.005);
    for (const char* key : {"compute_flop", "params", "tokens", "tokens_per_param", "loss"}) {
      CHECK(result.at(key).at("low").is_null());
      CHECK(result.at(key).at("high").is_null());
    }
    CHECK(!result.at("interval").at("reason").text().empty());
  }
}

TEST_CASE("plan: the refitted law carries intervals that hold its estimate, and says how far it extrapolates") {
  const auto outcome = run({"plan", "--compute", "5.76e23", "--replicates", "200", "--json"});
  REQUIRE(outcome.code == 0);
  const auto json = outcome.json();
  const auto& result = json.at("result");
  // Reference optimum: 7.319e10 parameters, 1.3116e12 tokens, 17.921 a parameter, loss 1.973912.
  CHECK(agrees(estimate(result, "params"), 7.319e10, 4));
  CHECK(agrees(estimate(result, "tokens"), 1.3116e12, 4));
  CHECK(agrees(estimate(result, "loss"), 1.973912, 5));
  CHECK(agrees(estimate(result, "compute_flop"), 5.76e23, 12));
  for (const char* key : {"params", "tokens", "tokens_per_param", "loss"}) {
    CHECK(result.at(key).at("low").number() < result.at(key).at("estimate").number());
    CHECK(result.at(key).at("high").number() > result.at(key).at("estimate").number());
  }
  CHECK(result.at("interval").at("scheme").text().find("200 replicates") != std::string::npos);
  CHECK(warns(outcome, "extrapolation: training compute"));
  CHECK(warns(outcome, "times beyond the fitted range"));
  CHECK(json.at("inputs").items()[0].at("rows_used").number() == 240);
  CHECK(json.at("seed").number() == 42);
  // Inside the fitted range nothing is flagged.
  CHECK_FALSE(warns(run({"plan", "--compute", "1e21", "--replicates", "0", "--json"}), "extrapolation"));
}

TEST_CASE("plan: intervals do not depend on the number of threads") {
  const auto one = run({"plan", "--compute", "1e24", "--replicates", "60", "-j", "1", "--json"});
  const auto two = run({"plan", "--compute", "1e24", "--replicates", "60", "-j", "2", "--json"});
  CHECK(to_json(one.json().at("result")) == to_json(two.json().at("result")));
}

TEST_CASE("plan: money and device-hours become FLOP by price, peak and utilisation") {
  const auto result = result_of({"plan", "--usd", "1e6", "--on", "h100-sxm-80gb", "--price", "2", "--mfu", "0.5",
                                 "--count", "1000", "--law", "besiroglu"});
  CHECK(agrees(estimate(result, "device_hours"), 5e5, 12));
  CHECK(agrees(estimate(result, "cost_usd"), 1e6, 12));
  CHECK(agrees(estimate(result, "days"), 500.0 / 24, 12));
  const auto hours =
      result_of({"plan", "--device-hours", "5e5", "--on", "h100-sxm-80gb", "--mfu", "0.5", "--law", "besiroglu"});
  CHECK(agrees(estimate(hours, "compute_flop"), estimate(result, "compute_flop"), 12));
  // 989.4 TFLOP/s of dense bf16 (data sheet 989.5 within rounding).
  CHECK(agrees(estimate(hours, "compute_flop"), 5e5 * 3600 * 0.5 * 989.4e12, 3));
}

TEST_CASE("plan: 8B on 15T tokens is far from compute-optimal and pays at serving") {
  const auto result = result_of({"plan", "--params", "8B", "--tokens", "15T", "--replicates", "100"});
  const auto& departure = result.at("departure");
  const double optimal = estimate(departure, "optimal_tokens_for_this_size");
  CHECK(optimal > 1e11);
  CHECK(optimal < 3e11);
  CHECK(estimate(departure, "loss_penalty") > 0);
  CHECK(departure.at("loss_penalty").at("low").number() > 0);
  CHECK(estimate(departure, "compute_multiplier") > 3);
  CHECK(estimate(departure, "serving_saved_flop_per_token") > 0);
  CHECK(estimate(departure, "break_even_served_tokens") > 1e12);
  CHECK(agrees(estimate(result, "compute_flop"), 6 * 8e9 * 15e12, 12));
  // The debate on one page: other constants beside it.
  CHECK(result.at("other_laws").items().size() >= 5);
}

TEST_CASE("plan: a target loss is met at least cost, and below the floor there is no plan") {
  const auto result = result_of({"plan", "--loss", "2.1", "--law", "besiroglu"});
  const auto back =
      result_of({"plan", "--compute", std::to_string(estimate(result, "compute_flop")), "--law", "besiroglu"});
  CHECK(agrees(estimate(back, "loss"), 2.1, 8));
  const auto served = result_of({"plan", "--loss", "2.1", "--law", "besiroglu", "--inference-tokens", "2T"});
  CHECK(estimate(served, "params") < estimate(result, "params"));
  CHECK(estimate(served, "compute_flop") > estimate(result, "compute_flop"));
  CHECK(agrees(estimate(served, "lifetime_flop"), estimate(served, "compute_flop") + estimate(served, "serving_flop"),
               12));
  const auto none = result_of({"plan", "--loss", "1.5", "--law", "besiroglu"}, 4);
  CHECK(none.at("params").is_null());
}

TEST_CASE("plan: repeated data, mixtures of experts, and laws that cannot answer") {
  const auto repeated = result_of({"plan", "--compute", "1e22", "--unique-tokens", "50B", "--replicates", "0"});
  CHECK(repeated.at("epochs").number() > 1);
  const auto sparse = result_of({"plan", "--compute", "1e21", "--law", "abnar", "--sparsity", "0.9"});
  CHECK(agrees(sparse.at("params_active").number(), 0.1 * estimate(sparse, "params"), 12));
  const auto fine = result_of({"plan", "--compute", "1e20", "--law", "krajewski-moe", "--granularity", "16"});
  CHECK(agrees(6 * fine.at("params_active").number() * estimate(fine, "tokens"), 1e20, 9));

  const auto refused = run({"plan", "--compute", "1e21", "--law", "hoffmann", "--sparsity", "0.9"});
  CHECK(refused.code == 2);
  CHECK(refused.err.find("moe-sparsity") != std::string::npos);
  CHECK(run({"plan", "--compute", "1e21", "--law", "clark-sbase"}).code == 2);
  CHECK(run({"plan", "--compute", "1e21", "--law", "farseer"}).code == 2);
  CHECK(run({"plan", "--compute", "1e21", "--law", "abnar"}).err.find("sparsity") != std::string::npos);
}

TEST_CASE("plan: the question must be one question") {
  CHECK(run({"plan"}).code == 2);
  CHECK(run({"plan", "--compute", "1e21", "--loss", "2"}).code == 2);
  CHECK(run({"plan", "--usd", "5"}).code == 2);
  CHECK(run({"plan", "--tokens", "5T"}).code == 2);
  CHECK(run({"plan", "--compute", "1e21", "--law", "hofman"}).err.find("hoffmann") != std::string::npos);
  CHECK(run({"plan", "--compute", "1e21", "--law", "hoffmann", "--given", "sparsity"}).code == 2);
}

TEST_CASE("plan: fit.json with stored draws gives the intervals of the refit itself") {
  const auto folder = std::filesystem::temp_directory_path() / "isoflop_plan_test";
  std::filesystem::create_directories(folder);
  const auto path = (folder / "fit.json").string();
  std::ofstream(path)
      << R"({"schema":"isoflop.fit/1","result":{"status":"certified","parameters":{"E":{"estimate":1.8},"A":{"estimate":480},
    "B":{"estimate":2100},"alpha":{"estimate":0.35},"beta":{"estimate":0.37}},"draws":{"E":[1.8,1.9],"A":[480,480],"B":[2100,2100],
    "alpha":[0.35,0.35],"beta":[0.37,0.37]}}})";
  const auto result = result_of({"plan", "--compute", "1e22", "--fit", path});
  const double ratio = std::pow(0.35 * 480 / (0.37 * 2100), -2 / 0.72) * std::pow(1e22 / 6, (0.35 - 0.37) / 0.72);
  CHECK(agrees(estimate(result, "tokens_per_param"), ratio, 6));
  // Two draws are too few for an interval.
  CHECK(result.at("loss").at("low").is_null());
  std::ofstream(path) << R"({"schema":"isoflop.plan/1"})";
  CHECK(run({"plan", "--compute", "1e22", "--fit", path}).code == 3);
  std::filesystem::remove_all(folder);
}
