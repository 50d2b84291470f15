#include "isoflop/fits/logged_curves.h"

#include <doctest/doctest.h>

#include "agrees.h"
#include "isoflop/error.h"

using namespace isoflop;
using namespace isoflop::fits;

namespace {
const CsvTable sizes =
    CsvTable::parse("run,params,tokens_per_step\nsmall,1e6,1000\nbig - lr 3e-4,4e6,2000\n", "sizes.csv");

std::string complaint(const std::vector<CsvTable>& files, const std::optional<CsvTable>& with) {
  try {
    read_curve_files(files, with);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
}  // namespace

TEST_CASE(
    "a Weights & Biases chart gives one curve a run, its extremes and "
    "step counters left out") {
  const auto chart = CsvTable::parse(
      "\"Step\",\"small - val/loss\",\"small - val/loss__MIN\",\"small - "
      "val/loss__MAX\",\"big - lr 3e-4 - _step\","
      "\"big - lr 3e-4 - val/loss\"\n"
      "\"0\",\"9\",\"9\",\"9\",\"0\",\"9\"\n\"20\",\"4.5\",\"4\",\"5\",\"20\","
      "\"\"\n\"10\",\"5\",\"5\",\"5\",\"10\",\"4\"\n",
      "wandb_export.csv");
  const auto curves = read_curve_files({chart}, sizes);
  REQUIRE(curves.size() == 2);
  CHECK(curves[0].run == "small");
  CHECK(curves[0].tokens == std::vector<double>{10000, 20000});
  CHECK(curves[0].loss == std::vector<double>{5, 4.5});
  CHECK(curves[1].params == 4e6);
  CHECK(curves[1].tokens == std::vector<double>{20000});
}

TEST_CASE(
    "TensorBoard scalars are one run a file, named by the file; a step "
    "logged again counts once") {
  const auto first = CsvTable::parse("Wall time,Step,Value\n1.7e9,10,5\n1.7e9,20,4.6\n1.7e9,20,4.5\n",
                                     "logs/run-small-tag-eval_loss.csv");
  const auto second = CsvTable::parse("Wall time,Step,Value\n1.7e9,10,4\n", "big - lr 3e-4.csv");
  const auto curves = read_curve_files({first, second}, sizes);
  REQUIRE(curves.size() == 2);
  CHECK(curves[0].loss == std::vector<double>{5, 4.5});
  CHECK(curves[1].run == "big - lr 3e-4");
  CHECK(curves[1].tokens == std::vector<double>{20000});
}

TEST_CASE(
    "an export without sizes, of an unknown run, or told twice is "
    "refused by name") {
  const auto scalars = CsvTable::parse("Wall time,Step,Value\n1.7e9,10,5\n", "small.csv");
  CHECK(complaint({scalars}, {}).find("--run-sizes") != std::string::npos);
  const auto unknown = CsvTable::parse("Wall time,Step,Value\n1.7e9,10,5\n", "tiny.csv");
  CHECK(complaint({unknown}, sizes).find("run \"tiny\" has no size in sizes.csv") != std::string::npos);
  CHECK(complaint({scalars, scalars}, sizes).find("told twice") != std::string::npos);
  const auto negative = CsvTable::parse("Wall time,Step,Value\n1.7e9,10,-5\n", "small.csv");
  CHECK(complaint({negative}, sizes).find("small.csv:2:") != std::string::npos);
  CHECK(complaint({scalars}, CsvTable::parse("run,params,tokens_per_step\nsmall,1e6,0\n", "z.csv")).find("z.csv:2:") !=
        std::string::npos);
}

TEST_CASE("files in our own form need no sizes") {
  const auto plain = CsvTable::parse("run,params,tokens,loss\na,1e6,2e6,4\n", "curves.csv");
  CHECK(read_curve_files({plain}, {}).size() == 1);
}
