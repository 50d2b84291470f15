#include "isoflop/report/report.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "isoflop/error.h"

using namespace isoflop;

namespace {
Report example() {
  Report report;
  report.command = "models show";
  report.headline = "Two models.";
  report.result["n"] = 2;
  report.result["missing"] = std::nan("");
  report.tables = {{"Models",
                    {{"model", "model", Align::Left}, {"loss | nats", "loss_nats"}},
                    {{std::string("a,b"), 1.0 / 3}, {std::string("c"), {}}},
                    ""}};
  report.inputs = {{"x.csv", "00", 2, 1}};
  report.assumptions = {{"pue", 1.1, "", "assumed"}};
  report.warnings = {"one row dropped"};
  return report;
}
}  // namespace

TEST_CASE("JSON carries the whole envelope, and NaN is null") {
  const auto envelope =
      parse_json(write_json(example(), {"0.1", "abc", "g++"}, {"isoflop", "models", "show"}, 42), "t");
  CHECK(envelope.at("schema").text() == "isoflop.models-show/1");
  CHECK(envelope.at("result").at("missing").is_null());
  CHECK(envelope.at("inputs").items()[0].at("rows_dropped").number() == 1);
  CHECK(envelope.at("assumptions").items()[0].at("source").text() == "assumed");
  CHECK(envelope.at("warnings").items()[0].text() == "one row dropped");
}

TEST_CASE("the reason for distrust is printed in every form") {
  auto report = example();
  report.distrust = "the fit did not converge";
  CHECK(write_text(report, false, 0, false).find("Not trustworthy: the fit did not converge") != std::string::npos);
  CHECK(write_markdown(report, false).find("Not trustworthy") != std::string::npos);
  CHECK(write_json(report, {}, {}, 1).find("not trustworthy: the fit did not converge") != std::string::npos);
}

TEST_CASE("CSV prints numbers in full and quotes what needs it; unknown is empty") {
  CHECK(write_csv(example()) == "model,loss_nats\n\"a,b\",0.3333333333333333\nc,\n");
}

TEST_CASE("a pipe in a Markdown cell does not make a column") {
  ReportTable table{"", {{"x", "x", Align::Left}}, {{std::string("a|b")}}, ""};
  CHECK(table_markdown(table).find("a\\|b") != std::string::npos);
}

TEST_CASE("a table too wide for the terminal cuts texts, never numbers") {
  ReportTable table{"", {{"name", "name", Align::Left}, {"value", "value"}}, {{std::string(80, 'x'), 123.4}}, ""};
  const auto text = table_text(table, 60);
  CHECK(text.find("123.4") != std::string::npos);
  CHECK(text.find("…") != std::string::npos);
}

TEST_CASE("numbers read back from JSON as they were") {
  for (const double x : {0.1, 1e300, -2.2250738585072014e-308, 12345678901234567.0})
    CHECK(parse_json(to_json(Value(x)), "t").number() == x);
  CHECK(to_json(Value(std::int64_t{478584608768}), -1) == "478584608768");
  CHECK(to_json(Value(std::numeric_limits<double>::infinity()), -1) == "null");
}

TEST_CASE("broken JSON is refused with line and column") {
  CHECK_THROWS_WITH_AS(parse_json("{\n\"a\": 1,\n\"b\": NaN}", "r.json"), doctest::Contains("r.json:3:6: not JSON"),
                       Error);
  CHECK_THROWS_AS(parse_json(std::string(1000, '['), "r.json"), Error);
  CHECK_THROWS_AS(parse_json("", "r.json"), Error);
}
