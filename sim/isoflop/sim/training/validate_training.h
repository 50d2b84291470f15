// Training speeds predicted against measured ones.
#pragma once
#include "isoflop/sim/validation.h"

namespace isoflop::sim {

/// By default a row is predicted by the built-in constants when these do not rest on its group, else by a fit to the
/// other groups of the file (10-fold by group).
ValidationResult validate_training(const ValidationRequest& request);

}  // namespace isoflop::sim
