// Inference engines predicted against measurements: `validate inference` and `validate serving`.
#pragma once
#include "isoflop/sim/validation.h"

namespace isoflop::sim {

/// By default a row is predicted by the built-in constants when these do not rest on its group, else by a fit to the
/// other groups of the file (10-fold by group).
ValidationResult validate_inference(const ValidationRequest& request);
ValidationResult validate_serving(const ValidationRequest& request);

}  // namespace isoflop::sim
