// Options that every command accepts, as they stand on the command line.
#pragma once
#include <string>
#include <vector>

#include "apps/command.h"

namespace isoflop::app {

struct GlobalOptions {
  bool json = false, csv = false, markdown = false, explain = false, quiet = false, version = false, plot = false;
  std::vector<std::string> outputs;
  std::string data, colour = "auto", theme = "light", plot_size, input;
  long seed = 42, threads = 0;
};

void declare_global_options(OptionSet& options, GlobalOptions& global);

}  // namespace isoflop::app
