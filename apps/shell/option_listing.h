// The options of a command as data, for completion scripts and manual pages.
#pragma once
#include <string>
#include <vector>

#include "apps/command.h"

namespace isoflop::app {

struct ListedOption {
  std::vector<std::string> names;    ///< "--seed", "-j"; a positional has its bare name
  std::string value;                 ///< "NUMBER", empty for a flag
  std::vector<std::string> choices;  ///< when only these are allowed
  std::string help, heading;
  bool positional = false;
};

std::vector<ListedOption> listed_options(Command& command);

/// Those that every command accepts.
std::vector<ListedOption> listed_global_options();

}  // namespace isoflop::app
