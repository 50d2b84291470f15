#include "isoflop/error.h"

#include <doctest/doctest.h>

#include <string>

#include "isoflop/catalogue/csv_table.h"

using namespace isoflop;

TEST_CASE("an unknown name gets the nearest ones, else all where they are few, else none") {
  CHECK(std::string(unknown_name("scheme", "pair", {"pairs", "wild"}, Fault::Usage).what()) ==
        "unknown scheme \"pair\"; did you mean pairs?");
  CHECK(std::string(unknown_name("scheme", "zzzzz", {"pairs", "wild"}, Fault::Usage).what()) ==
        "unknown scheme \"zzzzz\"; expected one of pairs, wild");
  CHECK(std::string(unknown_name("model", "zzzzz", std::vector<std::string>(13, "llama-3-8b"), Fault::Usage).what()) ==
        "unknown model \"zzzzz\"");
}

TEST_CASE("a missing column lists the columns once") {
  CHECK_THROWS_WITH_AS(CsvTable::parse("a,b\n1,2\n", "t.csv").column("missing"),
                       "t.csv:1: unknown column \"missing\" (the file has: a, b)", Error);
}
