// Kept apart from commands.h, which every command includes.
#pragma once
#include <memory>

#include "apps/command.h"

namespace isoflop::app {

std::unique_ptr<Command> make_forms();

}  // namespace isoflop::app
