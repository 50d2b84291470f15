#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "apps/command.h"

int main(int argc, char** argv) {
  // A reader that stops reading (`| head`) shows up as a failed write, not as a signal.
  std::signal(SIGPIPE, SIG_IGN);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  // `isoflop-fit x` is `isoflop fit x`.
  const std::string program = std::string(argc > 0 ? argv[0] : "");
  const std::string stem = program.substr(program.rfind('/') + 1);
  if (stem.rfind("isoflop-", 0) == 0) arguments.insert(arguments.begin(), stem.substr(8));
  return isoflop::app::run(arguments, std::cout, std::cerr);
}
