// `validate` and `calibrate`, run in process as a user would, on rows made from a known model.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "apps/run_command.h"
#include "isoflop/catalogue/csv_table.h"
#include "isoflop/random.h"
#include "isoflop/report/value.h"

using isoflop::test::run_command;

namespace {

using isoflop::Value;

Value result_of(std::vector<std::string> arguments) {
  arguments.push_back("--json");
  const auto outcome = run_command(arguments);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  return isoflop::parse_json(outcome.out, "stdout").at("result");
}

std::string scratch(const std::string& name) {
  const auto folder = std::filesystem::temp_directory_path() / "validate_test";
  std::filesystem::create_directories(folder);
  return (folder / name).string();
}

// Norms on an H100: 5 us + bytes at 60 % of 3.35 TB/s, 8 % noise, 40 groups of three; the last row has an unknown chip.
std::string measured_norms() {
  std::string text = "row_id,hardware,op,bytes_min,latency_us,group\n";
  isoflop::Random random(1);
  for (int g = 0; g < 40; ++g)
    for (int i = 0; i < 3; ++i) {
      const double bytes = std::floor(std::exp(random.uniform(10, 20)));
      const double us = (5 + 1e6 * bytes / (0.6 * 3.35e12)) * std::exp(0.08 * random.normal());
      text += "r" + std::to_string(3 * g + i) + ",h100-sxm,input_layernorm," + std::to_string(bytes) + "," +
              std::to_string(us) + ",new" + std::to_string(g) + "\n";
    }
  text += "strange,z9000,input_layernorm,1000,5,new0\n";
  const std::string path = scratch("norms.csv");
  isoflop::write_file(path, text);
  return path;
}

}  // namespace

TEST_CASE("calibrate finds the constants behind the rows, within two standard errors") {
  const auto result = result_of({"calibrate", measured_norms()});
  const auto& constants = result.at("constants");
  const auto& t0 = constants.at("h100-sxm-80gb/elementwise/norm/t0");
  const auto& e_b = constants.at("h100-sxm-80gb/elementwise/norm/e_b");
  CHECK(std::fabs(t0.at("estimate").number() - 5e-6) < 2 * t0.at("se").number());
  CHECK(std::fabs(e_b.at("estimate").number() - 0.6) < 2 * e_b.at("se").number());
  CHECK(result.at("unidentified").items().empty());
  CHECK(result.at("in_sample").at("n").number() == 120);
  CHECK(result.at("cross_validated").at("mape").number() < 10);
  CHECK(result.at("cross_validated").at("scheme").text() == "10-fold by group");
  CHECK(result.at("refused").items().size() == 1);
}

TEST_CASE("validate has the members that scripts rely on, and every row is predicted or named") {
  const auto result = result_of({"validate", "op_elementwise", measured_norms()});
  for (const char* member : {"n", "mape", "median", "p90", "bias", "coverage"}) {
    CHECK(result.at("overall").find(member) != nullptr);
    CHECK(result.at("by_metric").at("latency_us").find(member) != nullptr);
    CHECK(result.at("groups").items().front().find(member) != nullptr);
  }
  CHECK(result.at("groups").items().size() == 40);
  REQUIRE(result.at("rows").items().size() == 120);
  const auto& row = result.at("rows").items().front();
  CHECK(row.at("low").number() < row.at("predicted").number());
  CHECK(row.at("high").number() > row.at("predicted").number());
  REQUIRE(result.at("unsupported").items().size() == 1);
  CHECK(result.at("unsupported").items()[0].at("row_id").text() == "strange");
  CHECK(result.at("unsupported").items()[0].at("reason").text().find("z9000") != std::string::npos);
}

TEST_CASE("constants fitted to a file predict it better than the built-in ones and say when rows were seen") {
  const std::string file = measured_norms();
  const auto built_in = result_of({"validate", "op_elementwise", file});
  const auto fitted = run_command({"validate", "op_elementwise", file, "--calibrate", file});
  const auto report = run_command({"validate", "op_elementwise", file, "--calibrate", file, "--json"});
  CHECK(fitted.out.find("their error is optimistic") != std::string::npos);
  const auto result = isoflop::parse_json(report.out, "stdout").at("result");
  CHECK(result.at("overall").at("mape").number() < built_in.at("overall").at("mape").number());
  CHECK(result.at("overall").at("mape").number() < 8);
}

TEST_CASE("a written profile is used with --data") {
  const std::string file = measured_norms();
  const std::string folder = scratch("profile");
  std::filesystem::create_directories(folder);
  result_of({"calibrate", file, "--write-profile", folder});
  // The rows are the profile's own now, so they are predicted from each other.
  const auto result = result_of({"validate", "op_elementwise", file, "--data", folder});
  CHECK(result.at("method").text().find("120 rows predicted from the other groups") != std::string::npos);
  CHECK(result.at("overall").at("mape").number() < 10);
}

TEST_CASE("validation does not depend on the number of threads") {
  const std::string file = measured_norms();
  CHECK(isoflop::to_json(result_of({"validate", "op_elementwise", file, "--calibrate", file, "-j", "1"})) ==
        isoflop::to_json(result_of({"validate", "op_elementwise", file, "--calibrate", file, "-j", "4"})));
}

TEST_CASE("wrong kinds, wrong columns and contradictory options are refused with the reason") {
  const std::string file = measured_norms();
  const auto kind = run_command({"validate", "op_gem", file});
  CHECK(kind.code == 2);
  CHECK(kind.err.find("op_gemm") != std::string::npos);
  const auto columns = run_command({"validate", "op_gemm", file});
  CHECK(columns.code == 3);
  CHECK(columns.err.find("column") != std::string::npos);
  CHECK(run_command({"validate", "op_elementwise", file, "--calibrate", file, "--uncalibrated"}).code == 2);
  CHECK(run_command({"validate", "op_gemm", scratch("absent.csv")}).code == 1);
}

TEST_CASE("calibrate distrusts a file of which many rows beat physics") {
  std::string text = "row_id,hardware,op,num_gpus,message_bytes,nodes,latency_us,dtype,group\n";
  for (int i = 0; i < 40; ++i)
    text += "r" + std::to_string(i) + ",h100-sxm,all_gather,8," + std::to_string(1000000 * (i + 1)) + ",1," +
            std::to_string((i % 2 ? 1 : 10) * (i + 1)) + ",half,g" + std::to_string(i) + "\n";
  isoflop::write_file(scratch("fast.csv"), text);
  const auto outcome = run_command({"calibrate", scratch("fast.csv")});
  CHECK(outcome.code == 4);
  CHECK(outcome.out.find("bytes or elements") != std::string::npos);
}
