// Makers of the commands that price serving.
#pragma once
#include <memory>

#include "apps/command.h"

namespace isoflop::app {

std::unique_ptr<Command> make_serve();
std::unique_ptr<Command> make_compare_architectures();

}  // namespace isoflop::app
