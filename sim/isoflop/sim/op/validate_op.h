// Op-time predictions against tables of measured kernel calls.
#pragma once
#include "isoflop/sim/validation.h"

namespace isoflop::sim {

/// `kind`: one of op_table_kinds(). By default each row is predicted by the profile when the profile does not rest on
/// the row's group, else by a fit to the other groups of this file (10-fold).
ValidationResult validate_op(const std::string& kind, const ValidationRequest& request);

}  // namespace isoflop::sim
