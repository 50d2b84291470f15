// Runs a drawing program: text in, bytes out. No shell is involved.
#pragma once
#include <string>
#include <vector>

namespace isoflop {

/// What `program` (searched in PATH) writes to its standard output when it reads `input`.
/// Throws Error (CannotRun): not installed (naming the Debian `package`), a non-zero exit status or a signal (with the
/// first lines of its standard error), or no output.
std::string run_tool(const std::string& program, const std::vector<std::string>& arguments, const std::string& input,
                     const std::string& package);

}  // namespace isoflop
