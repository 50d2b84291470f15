// A command run in this process, as from the command line.
#pragma once
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

}  // namespace isoflop::test
