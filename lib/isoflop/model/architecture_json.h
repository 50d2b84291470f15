// An architecture as JSON and back: what `models import` writes and every command that names a model reads.
// Layers are listed as runs of identical ones. Members that are zero, false or absent are left out.
#pragma once
#include "isoflop/model/architecture.h"
#include "isoflop/report/value.h"

namespace isoflop {

Value to_value(const Architecture& architecture);  ///< architecture_from() reads it back.

/// Throws Error (BadInput) naming `file` and the member; unknown members are refused, so that a typo does not vanish.
Architecture architecture_from(const Value& value, const std::string& file);

}  // namespace isoflop
