#include "isoflop/sim/requests/trace.h"

#include <doctest/doctest.h>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

Trace read(const std::string& text) { return read_trace(CsvTable::parse(text, "t.csv")); }

std::string refusal(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::BadInput);
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("an Azure trace is read, its dates counted from the earliest") {
  const Trace trace = read(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 "
      "18:15:45.6805900,396,109\n"
      "2023-11-17T00:00:00Z,1,2\n");
  REQUIRE(trace.requests.size() == 3);
  CHECK(trace.has_times);
  CHECK(agrees(trace.requests[0].arrival_s, 1, 6));
  CHECK(trace.requests[1].arrival_s == 0);
  CHECK(agrees(trace.requests[2].arrival_s, 6 * 3600 - 15 * 60 - 45.68059, 8));
  CHECK(trace.requests[0].prompt == 374);
  CHECK(trace.requests[1].output == 109);
}

TEST_CASE("dates are seconds since 1970, leap days included") {
  CHECK(*parse_timestamp_s("1970-01-01 00:00:00") == 0);
  CHECK(*parse_timestamp_s("2024-02-29 12:00:00.5") == 1709208000.5);
  for (const char* bad : {"", "2023-02-29 00:00:00", "2024-01-01", "2024-01-01 24:00:00", "2024-01-01 00:00:00+02:00",
                          "2024-01-01 00:00:00.", "yesterday at noon today"})
    CHECK_FALSE(parse_timestamp_s(bad));
}

TEST_CASE("other column names, prefixes by hash, rows without work") {
  const Trace trace = read(
      "arrived_at,num_prefill_tokens,num_decode_tokens,prefix_hash,prefix_tokens\n0.5,100,10,ab,32\n1.5,50,10,ab,64\n2,"
      "50,10,,\n2,0,5,x,\n3,9,1,cd,\n");
  REQUIRE(trace.requests.size() == 4);
  CHECK(trace.skipped == 1);
  CHECK(trace.requests[0].prefix == trace.requests[1].prefix);
  CHECK(trace.requests[0].prefix_tokens == 32);
  CHECK(trace.requests[1].prefix_tokens == 50);  // no longer than the prompt
  CHECK(trace.requests[2].prefix == -1);
  CHECK(trace.requests[3].prefix != trace.requests[0].prefix);
  CHECK(trace.requests[3].prefix_tokens == 9);
}

TEST_CASE("what cannot be read is refused with file, line and column") {
  CHECK(refusal("TIMESTAMP,ContextTokens\n1,2\n").find("t.csv:1:1: no column with the tokens generated") !=
        std::string::npos);
  CHECK(refusal("TIMESTAMP,ContextTokens,GeneratedTokens\n0,5,5\n1,x,2\n").find("t.csv:3:2") != std::string::npos);
  CHECK(refusal("TIMESTAMP,ContextTokens,GeneratedTokens\nnoon,5,5\n").find("t.csv:2:1") != std::string::npos);
  CHECK(refusal("TIMESTAMP,ContextTokens,GeneratedTokens\n1,5,-5\n").find("t.csv:2:3") != std::string::npos);
  CHECK(refusal("TIMESTAMP,ContextTokens,GeneratedTokens\n1,5,\n").find("is empty") != std::string::npos);
  CHECK(refusal("TIMESTAMP,ContextTokens,GeneratedTokens\n1,1e18,5\n").find("t.csv:2:2") != std::string::npos);
  CHECK(refusal("TIMESTAMP,ContextTokens,GeneratedTokens\n1,0,5\n").find("no request") != std::string::npos);
  CHECK(refusal("TIMESTAMP,ContextTokens,GeneratedTokens\n0,1,5\n1e12,1,5\n").find("t.csv:3:1") != std::string::npos);
  CHECK(refusal("ContextTokens,GeneratedTokens,prefix_tokens\n1,5,1\n").find("prefix_hash") != std::string::npos);
}

TEST_CASE("mutated traces are read or refused, nothing else") {
  const std::string good =
      "TIMESTAMP,ContextTokens,GeneratedTokens,prefix_hash,prefix_tokens\n2023-11-16 "
      "18:15:46.68,374,44,a,16\n\"1.5\",396,109,,\n";
  Random random(5);
  for (int i = 0; i < 20000; ++i) {
    std::string text = good;
    for (std::size_t k = random.index(6) + 1; k > 0; --k) {
      const std::size_t at = random.index(text.size());
      if (random.coin())
        text[at] = static_cast<char>(random.index(256));
      else
        text.erase(at, random.index(5));
      if (text.empty()) text = "x";
    }
    try {
      for (const Request& r : read(text).requests)
        CHECK((r.prompt > 0 && r.output > 0 && r.arrival_s >= 0 && r.prefix_tokens <= r.prompt));
    } catch (const Error&) {
    }
  }
}
