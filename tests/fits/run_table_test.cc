#include "isoflop/fits/run_table.h"

#include <doctest/doctest.h>

#include "agrees.h"
#include "isoflop/error.h"

using namespace isoflop;
using namespace isoflop::fits;

namespace {

RunTable read(const std::string& text, const RunColumns& columns = {}) {
  return RunTable::from_csv(CsvTable::parse(text, "runs.csv"), columns);
}

std::string complaint(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::BadInput);
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("runs are read under each of the headers people use") {
  const auto ours = read("params,tokens,loss,family,weight\n1e9,2e10,2.5,a,2\n");
  CHECK(ours[0].params == 1e9);
  CHECK(ours[0].tokens == 2e10);
  CHECK(ours[0].family == "a");
  CHECK(ours[0].weight == 2);
  CHECK(ours[0].compute_flop() == 1.2e20);
  const auto letters = read("C,N,D,loss\n7e20,1e9,1e11,2.5\n");
  CHECK(letters[0].tokens == 1e11);
  CHECK(letters[0].compute_flop() == 7e20);
  const auto epoch = read("Model Size,Training FLOP,loss\n1e9,6e20,2.5\n");
  CHECK(agrees(epoch[0].tokens, 1e11, 15));
}

TEST_CASE("tokens can be taken from the FLOP column instead of their own") {
  const std::string text = "params,tokens,flops,loss\n1e9,9e10,6e20,2.5\n";
  CHECK(read(text)[0].tokens == 9e10);
  RunColumns columns;
  columns.tokens_from_flops = true;
  CHECK(agrees(read(text, columns)[0].tokens, 1e11, 15));
}

TEST_CASE("a row with an empty loss is dropped and counted, not read as zero") {
  const auto runs = read("params,tokens,loss\n1e9,2e10,2.5\n1e9,4e10,\n");
  CHECK(runs.size() == 1);
  CHECK(runs.rows_dropped() == 1);
}

TEST_CASE("a table of runs exported by Weights & Biases is read, without the runs that did not finish") {
  const auto runs = read(
      "Name,State,n_params,tokens_seen,val/loss\nlucky-sun-1,finished,1e9,2e10,2.5\n"
      "wild-moon-2,crashed,1e9,1e10,2.9\n");
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].name == "lucky-sun-1");
  CHECK(runs[0].loss == 2.5);
  CHECK(runs.rows_dropped() == 1);
}

TEST_CASE("bad cells and missing columns are refused by place") {
  CHECK(complaint("params,tokens,loss\n1e9,2e10,2.5\n1e9,-4,2\n").find("runs.csv:3:2") == 0);
  CHECK(complaint("params,tokens,loss\n1e9,2e10,nan\n").find("runs.csv:2:3") == 0);
  CHECK(complaint("params,tokens,perplexity\n1e9,2e10,9\n").find("no column for the loss") != std::string::npos);
  CHECK(complaint("params,loss\n1e9,9\n").find("tokens D or training FLOP C") != std::string::npos);
}

TEST_CASE("excluding the highest losses keeps the order of the rest") {
  const auto runs = read("params,tokens,loss\n1,1,5\n2,1,9\n3,1,4\n4,1,7\n");
  const auto rest = runs.excluding_highest(2);
  REQUIRE(rest.size() == 2);
  CHECK(rest[0].params == 1);
  CHECK(rest[1].params == 3);
  CHECK(rest.rows_dropped() == 2);
  CHECK_THROWS_AS(runs.excluding_highest(4), Error);
}

TEST_CASE("the compiled-in runs are the 245 of the figure") {
  const auto runs = open_runs("chinchilla");
  CHECK(runs.size() == 245);
  CHECK(runs.excluding_highest(5).size() == 240);
  CHECK(runs.excluding_highest(5).up_to_compute(1e21).size() == 217);
}
