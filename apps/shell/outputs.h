// Where a report goes: standard output in one format, and files by suffix.
#pragma once
#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/command.h"

namespace isoflop::app {

enum class Format { Text, Json, Csv, Markdown };

struct OutputRequest {
  Format format = Format::Text;
  std::vector<std::string> files;
  std::string colour = "auto";
  bool terminal_plot = false;                     ///< the first plot below the text
  std::optional<std::pair<int, int>> plot_size;  ///< px
};

/// "800x600" as px. Throws Error (Usage).
std::pair<int, int> parse_plot_size(const std::string& text);

/// Throws Error (Usage) for a suffix nothing can be written to; called before the work starts.
void check_outputs(const OutputRequest& request);

/// Writes everything; a second and later plot of `-o x.svg` goes to x-NAME.svg. A terminal plot is ASCII unless the
/// locale is UTF-8. Throws Error (CannotRun).
void write_outputs(const Report& report, const OutputRequest& request, const Settings& settings,
                   const std::vector<std::string>& command_line, std::ostream& out, std::ostream& err);

}  // namespace isoflop::app
