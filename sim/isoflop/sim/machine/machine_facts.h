// What this machine says of itself.
#pragma once
#include <string>

namespace isoflop::sim {

/// "AMD EPYC", as the system names it; "unknown processor" where it does not.
std::string processor_name();
/// Whether the CPU has the AMX tile unit.
bool has_matrix_tiles();

}  // namespace isoflop::sim
