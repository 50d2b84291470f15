#include <doctest/doctest.h>
#include <fmt/core.h>

#include <cmath>
#include <filesystem>

#include "agrees.h"
#include "apps/run_command.h"
#include "isoflop/catalogue/csv_table.h"
#include "isoflop/report/value.h"

using namespace isoflop;
using isoflop::test::Outcome;
using isoflop::test::run_command;

namespace {

Value result_of(const Outcome& outcome) { return parse_json(outcome.out, "output").at("result"); }

}  // namespace

TEST_CASE("fit finds the reference optimum of the built-in runs and certifies it") {
  const auto outcome = run_command({"fit", "chinchilla", "--exclude-highest", "5", "--json"});
  REQUIRE(outcome.code == 0);
  const Value result = result_of(outcome);
  CHECK(std::fabs(result.at("objective").number() - 0.0010182755751330) < 1e-13);
  const Value& parameters = result.at("parameters");
  CHECK(agrees(parameters.at("E").at("estimate").number(), 1.817218, 6.5));
  CHECK(agrees(parameters.at("A").at("estimate").number(), 477.821166, 9));
  CHECK(agrees(parameters.at("B").at("estimate").number(), 2143.451679, 9));
  CHECK(agrees(parameters.at("alpha").at("estimate").number(), 0.3473099025, 9.5));
  CHECK(agrees(parameters.at("beta").at("estimate").number(), 0.3671732530, 9.5));
  CHECK(agrees(result.at("exponent_a").at("estimate").number(), 0.513901, 6));
  CHECK(result.at("status").text() == "certified");
  CHECK(result.at("n").number() == 240);
  CHECK(result.at("excluded").number() == 5);
  CHECK(result.at("starts").at("tried").number() >= 8);
  for (const char* name : {"E", "A", "B", "alpha", "beta"}) {
    const Value& p = parameters.at(name);
    CHECK(p.at("se").number() > 0);
    CHECK(p.at("low").number() < p.at("estimate").number());
    CHECK(p.at("estimate").number() < p.at("high").number());
  }
}

TEST_CASE("fit gives the same bytes on one thread and on three, and other draws for another seed") {
  const std::vector<std::string> base{"fit", "chinchilla", "--exclude-highest", "5", "--bootstrap", "100", "--json"};
  const auto with = [&base](std::vector<std::string> more) {
    auto arguments = base;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return to_json(result_of(run_command(arguments)));
  };
  const auto one = with({"-j", "1"});
  CHECK(one == with({"-j", "3"}));
  CHECK(one != with({"--seed", "7"}));
}

TEST_CASE("fit answers runs that identify nothing with a reason, null numbers and exit code 4") {
  const std::string path = std::filesystem::temp_directory_path().string() + "/one_size.csv";
  write_file(path,
             "params,tokens,loss\n1e9,1e9,4\n1e9,2e9,3.5\n1e9,4e9,3.2\n1e9,8e9,3\n1e9,1.6e10,2.9\n1e9,3e10,2.8\n");
  const auto outcome = run_command({"fit", path, "--json"});
  CHECK(outcome.code == 4);
  const Value result = result_of(outcome);
  CHECK(result.at("status").text() == "not_identified");
  CHECK(result.at("reason").text().find("1 distinct model size") != std::string::npos);
  CHECK(result.at("parameters").at("A").at("estimate").is_null());
}

TEST_CASE("fit refuses bad options and bad files with the documented exit codes") {
  CHECK(run_command({"fit", "chinchilla", "--delta", "minus"}).code == 2);
  CHECK(run_command({"fit", "chinchilla", "--scheme", "pears"}).code == 2);
  CHECK(run_command({"fit", "no_such_file.csv"}).code == 1);
  const std::string path = std::filesystem::temp_directory_path().string() + "/bad_runs.csv";
  write_file(path, "params,tokens,loss\n1e9,oops,4\n");
  const auto outcome = run_command({"fit", path});
  CHECK(outcome.code == 3);
  CHECK(outcome.err.find("bad_runs.csv:2:2") != std::string::npos);
}

TEST_CASE("fit warns that runs of one model size err together and gives the interval that allows for it") {
  const auto outcome = run_command({"fit", "chinchilla", "--exclude-highest", "5", "--bootstrap", "200", "--json"});
  const Value envelope = parse_json(outcome.out, "output");
  const Value& result = envelope.at("result");
  CHECK(result.at("diagnostics").at("size_correlation").at("p").number() < 0.05);
  const Value& safer = result.at("recommended").at("exponent_a");
  CHECK(safer.at("low").number() < result.at("exponent_a").at("estimate").number());
  CHECK(agrees(result.at("diagnostics").at("scaled_condition").number(), 219.6, 3.5));
  bool by_size = false, form = false;
  for (const Value& warning : envelope.at("warnings").items()) {
    by_size = by_size || warning.text().find("one model size err together") != std::string::npos;
    form = form || warning.text().find("additive form is rejected") != std::string::npos;
  }
  CHECK(by_size);
  CHECK(form);
}

TEST_CASE("fit shows every scheme and every diagnostic on request") {
  const auto outcome = run_command({"fit", "chinchilla", "--exclude-highest", "5", "--bootstrap", "60", "--schemes",
                                        "--diagnostics", "--draws", "--json"});
  REQUIRE(outcome.code == 0);
  const Value result = result_of(outcome);
  CHECK(result.at("uncertainty_panel").items().size() >= 13);
  CHECK(result.at("profiles").items().size() == 4);
  const Value& diagnostics = result.at("diagnostics");
  CHECK(diagnostics.at("delta_sweep").items().size() == 6);
  CHECK(diagnostics.at("drop_sweep").items().size() == 9);
  CHECK(diagnostics.at("influence").items().size() == 8);
  CHECK(diagnostics.at("hindcast").items().size() >= 5);
  CHECK(diagnostics.at("form_tests").items().size() == 3);
  CHECK(result.at("draws").at("alpha").items().size() == 60);
}

TEST_CASE("fit takes other laws by their general path and sums of power laws of any columns") {
  const auto kaplan =
      run_command({"fit", "chinchilla", "--exclude-highest", "5", "--law", "kaplan", "--bootstrap", "0", "--json"});
  REQUIRE(kaplan.code == 0);
  CHECK(result_of(kaplan).at("law").text() == "kaplan");
  CHECK(result_of(kaplan).at("objective").number() > 0.0010182755751330);
  CHECK(result_of(kaplan).at("exponent_a").is_null());

  std::string csv = "width,tokens,loss\n";
  int run = 0;
  for (double width : {128, 256, 384, 512, 1024, 2048})
    for (double tokens : {1e9, 3e9, 1e10, 3e10, 1e11})
      csv += fmt::format("{},{},{:.9g}\n", width, tokens,
                         (1.7 + 20 / std::pow(width, 0.5) + 900 / std::pow(tokens, 0.35)) *
                             (1 + 1e-5 * std::sin(7.3 * ++run)));
  const std::string path = std::filesystem::temp_directory_path().string() + "/width_runs.csv";
  write_file(path, csv);
  const auto terms = run_command({"fit", path, "--terms", "width,tokens", "--delta", "infinity", "--json"});
  REQUIRE(terms.code == 0);
  const Value result = result_of(terms);
  CHECK(result.at("status").text() == "certified");
  CHECK(agrees(result.at("parameters").at("alpha_width").at("estimate").number(), 0.5, 3));
  CHECK(agrees(result.at("parameters").at("A_tokens").at("estimate").number(), 900, 2));
  CHECK(result.at("parameters").at("E").at("se").number() >= 0);

  CHECK(run_command({"fit", "chinchilla", "--law", "chinchila"}).code == 2);
  CHECK(run_command({"fit", "chinchilla", "--law", "kaplan", "--diagnostics"}).code == 2);
}
