// One maker per command; commands.cc lists them.
#pragma once
#include <memory>

#include "apps/command.h"

namespace isoflop::app {

}  // namespace isoflop::app
