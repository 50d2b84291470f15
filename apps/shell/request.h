// A JSON request as the command line it stands for, so that every door leads to the same code.
#pragma once
#include <string>
#include <vector>

#include "isoflop/report/value.h"

namespace isoflop::app {

/// {"compute": "5.76e23", "links": ["a", "b"], "explain": true} -> --compute=5.76e23 --links=a --links=b --explain.
/// false and null leave an option out; "arguments" holds positional ones. Throws Error (BadInput).
std::vector<std::string> option_arguments(const Value& options);

/// The whole request of the C function: {"command", "arguments", "options"}. Throws Error (BadInput).
std::vector<std::string> request_arguments(const Value& request);

/// Replaces `--input FILE` ("-" = standard input) by the options that the JSON object in FILE holds.
std::vector<std::string> with_input_expanded(const std::vector<std::string>& arguments);

}  // namespace isoflop::app
