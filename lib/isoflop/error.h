// What the caller got wrong or the world denies. Expected outcomes are values, not errors.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace isoflop {

/// Whose fault it is; the number is the exit code of the command line.
enum class Fault {
  CannotRun = 1,  ///< input/output, a missing tool
  Usage = 2,      ///< a wrong option or argument
  BadInput = 3,   ///< a data file that cannot be read as what it should be
};

/// The message names the place, what was read and what was expected:
/// `models.csv:7:3: column "layers": "abc" is not a whole number`.
class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& message) : std::runtime_error(message), fault_(fault) {}
  Fault fault() const noexcept { return fault_; }

 private:
  Fault fault_;
};

/// The candidates most like `name`, best first, at most `most`; empty when none is near.
/// Case, blanks, hyphens and underscores do not count as differences.
std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& candidates,
                                       std::size_t most = 3);

/// `unknown KIND "NAME"; did you mean A, B or C?` as an Error of the given fault; where none is near and they are few,
/// `; expected one of A, B, C`.
Error unknown_name(std::string_view kind, std::string_view name, const std::vector<std::string>& candidates,
                   Fault fault = Fault::Usage);

}  // namespace isoflop
