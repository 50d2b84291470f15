#include "isoflop/fits/scored_model.h"

#include "agrees.h"

using namespace isoflop::fits;

TEST_CASE("a date and its decimal year are inverse to the day, over leap years too") {
  for (const char* date : {"2020-02-29", "2023-12-31", "2024-01-01", "2024-02-29", "2024-03-01", "2025-06-15"}) {
    CAPTURE(date);
    REQUIRE(decimal_year(date));
    CHECK(iso_date(*decimal_year(date)) == date);
  }
  // 2023-07-02 is the 183rd of 365 days: its noon is the middle of the year.
  CHECK(agrees(*decimal_year("2023-07-02"), 2023.5, 9));
  CHECK(agrees(*decimal_year("2023"), 2023.5, 12));
  CHECK(iso_date(*decimal_year("2024-04")) == "2024-04-16");
}

TEST_CASE("what is no date is refused") {
  for (const char* text :
       {"", "24-04-23", "2024-13-01", "2023-02-29", "2024/04/23", "2024-04-23T00", "soon", "2024-4-3"})
    CHECK_FALSE(decimal_year(text));
}
