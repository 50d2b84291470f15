#include "isoflop/fits/score_table.h"

#include "agrees.h"
#include "isoflop/error.h"

using namespace isoflop;
using namespace isoflop::fits;

namespace {

ScoreTableRows read(const std::string& text, Predictor predictor = Predictor::Compute, ScoreTableColumns columns = {},
                    double factor = 6) {
  return read_score_table(CsvTable::parse(text, "t.csv"), predictor, columns, factor);
}

}  // namespace

TEST_CASE("the usual columns are read, with numbers as people write them") {
  const auto rows = read("name,active_params,tokens,score,family,release_date,kind,total_params\n"
                         "A,7B,1.4T,45.2,F,2024-04-23,base,8B\n"
                         "B,70e9,15000000000000,79.5,,,,\n");
  REQUIRE(rows.models.size() == 2);
  CHECK(*rows.models[0].active_params == 7e9);
  CHECK(*rows.models[0].tokens == 1.4e12);
  CHECK(agrees(*rows.models[0].compute, 6 * 7e9 * 1.4e12, 14));
  CHECK(*rows.models[0].total_params == 8e9);
  CHECK(rows.models[0].kind == "base");
  CHECK(iso_date(*rows.models[0].release_year) == "2024-04-23");
  CHECK(rows.models[1].kind == "unspecified");
  CHECK_FALSE(rows.models[1].release_year);
}

TEST_CASE("Windows line ends, a byte-order mark, quoted commas and line breaks change nothing") {
  const auto rows = read(
      "\xEF\xBB\xBF"
      "Name,Active Params,Tokens,Score\r\n\"A, the \"\"first\"\"\",7B,1T,40\r\n\"B\nsecond line\",8B,2T,50\r\n");
  REQUIRE(rows.models.size() == 2);
  CHECK(rows.models[0].name == "A, the \"first\"");
  CHECK(rows.models[1].name == "B\nsecond line");
}

TEST_CASE("an empty cell leaves the row out by name; anything else that is no number names its place") {
  const auto rows = read("name,active_params,tokens,score\nA,7B,,40\nB,7B,1T,\nC,7B,1T,41\n");
  CHECK(rows.models.size() == 1);
  CHECK(rows.incomplete == std::vector<std::string>{"A", "B"});
  CHECK_THROWS_WITH_AS(read("name,active_params,tokens,score\nA,7B,1T,40\nB,seven,1T,50\n"),
                       doctest::Contains("t.csv:3:"), Error);
  CHECK_THROWS_WITH_AS(read("name,active_params,tokens,score\nA,7B,1T,#N/A\n"),
                       doctest::Contains("\"#N/A\" is not a number"), Error);
  CHECK_THROWS_WITH_AS(read("name,active_params,tokens,score\nA,-7B,1T,40\n"),
                       doctest::Contains("not a positive number"), Error);
  CHECK_THROWS_WITH_AS(read("name,active_params,tokens,score,release_date\nA,7B,1T,40,April\n"),
                       doctest::Contains("not a date"), Error);
}

TEST_CASE("missing columns, duplicate models and nameless rows are refused with the reason") {
  CHECK_THROWS_WITH_AS(read("name,params_active,tokens,score\nA,7B,1T,40\n"), doctest::Contains("active_params"),
                       Error);
  CHECK_THROWS_WITH_AS(read("name,active_params,tokens,skore\nA,7B,1T,40\n"), doctest::Contains("score"), Error);
  CHECK_THROWS_WITH_AS(read("active_params,tokens,score\n7B,1T,40\n"), doctest::Contains("name"), Error);
  CHECK_THROWS_WITH_AS(read("name,active_params,tokens,score\nA,7B,1T,40\nB,7B,1T,40\nA,8B,1T,41\n"),
                       doctest::Contains("\"A\" is already in line 2"), Error);
  CHECK_THROWS_WITH_AS(read("name,active_params,tokens,score\n,7B,1T,40\n"),
                       doctest::Contains("expected the model's name"), Error);
}

TEST_CASE("a named column that is a product of parameters and tokens counts as compute without the factor") {
  CHECK(compute_column("active_params_times_tokens_read") == ComputeColumn::Product);
  CHECK(compute_column("training_flop") == ComputeColumn::Flop);
  CHECK(compute_column("gsm8k") == ComputeColumn::No);
  const std::string table = "label,active_params_times_tokens_read,mmlu_read\nPhi-2,3.820e+21,56.7\n";
  const ScoreTableColumns columns{"active_params_times_tokens_read", "mmlu_read"};
  CHECK(*read(table, Predictor::Other, columns, 1).models[0].compute == 3.82e21);
  CHECK(agrees(*read(table, Predictor::Other, columns, 6).models[0].compute, 6 * 3.82e21, 14));
  const auto flops = read("name,flops,score\nA,6e23,50\n");
  CHECK(agrees(*flops.models[0].compute, 6e23, 14));
}

TEST_CASE("any other numeric column can be x") {
  const auto rows = read("name,gsm8k,score\nA,50,60\nB,,61\n", Predictor::Other, {"gsm8k", "score"});
  REQUIRE(rows.models.size() == 1);
  CHECK(*rows.models[0].other == 50);
  CHECK_FALSE(rows.x_is_compute);
}
