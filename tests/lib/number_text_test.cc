#include "isoflop/number_text.h"

#include <doctest/doctest.h>

using namespace isoflop;

TEST_CASE("magnitudes are read as the field writes them") {
  CHECK(parse_number("7B") == 7e9);
  CHECK(parse_number("1.4T") == 1.4e12);
  CHECK(parse_number("1e24") == 1e24);
  CHECK(parse_number("300 Gtok") == 300e9);
  CHECK(parse_number("5.76e23 FLOP") == 5.76e23);
  CHECK(parse_number(" +12 ") == 12);
}

TEST_CASE("what is no number is refused whole") {
  for (const char* text : {"", "B", "7X", "7BB", "1e999", "nan", "inf", "1,5", "0x10", "7 B x"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number(text).has_value());
  }
}

TEST_CASE("durations have units") {
  CHECK(parse_duration_s("200ms") == 0.2);
  CHECK(parse_duration_s("3h") == 10800);
  CHECK(parse_duration_s("1.5") == 1.5);
  CHECK_FALSE(parse_duration_s("3 parsecs").has_value());
}

TEST_CASE("numbers are printed short, and 999.96 does not become 1000 of the lower prefix") {
  CHECK(format_number(0.0012345, 3) == "0.00123");
  CHECK(format_number(1234567, 3) == "1.23e6");
  CHECK(format_number(-42) == "-42");
  CHECK(format_number(0.1 + 0.2) == "0.3");
  CHECK(format_si(1.4e12, "FLOP") == "1.4 TFLOP");
  CHECK(format_si(999.96e9, "B") == "1 TB");
  CHECK(format_si(5e-4, "s") == "500 us");
  CHECK(format_count(7.24e9) == "7.24B");
  CHECK(format_count(15e12) == "15T");
  CHECK(format_count(410) == "410");
  CHECK(format_duration_s(5400) == "90 min");
  CHECK(format_si(8e-322, "x") == "8e-313 nx");
}
