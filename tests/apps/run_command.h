// A command run in this process, as from the command line; its JSON result; its refusal.
#pragma once
#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

#include "apps/command.h"

namespace isoflop::test {

struct Outcome {
  int code;
  std::string out, err;
};

inline Outcome run_command(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const int code = app::run(arguments, out, err);
  return {code, out.str(), err.str()};
}

/// The "result" of the command's JSON; requires the exit code.
inline Value result_of(std::vector<std::string> arguments, int expected_code = 0) {
  arguments.push_back("--json");
  const Outcome outcome = run_command(arguments);
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == expected_code);
  return parse_json(outcome.out, "out").at("result");
}

/// What a command says to wrong usage.
inline std::string refusal(const std::vector<std::string>& arguments) {
  const Outcome outcome = run_command(arguments);
  CHECK(outcome.code == 2);
  return outcome.err;
}

}  // namespace isoflop::test
