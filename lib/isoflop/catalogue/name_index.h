// Finding a record by any of its names: the id, the printed name, a repository id, a short form. Case, blanks, hyphens,
// underscores and the owner in front of a slash do not matter; "+" reads as "plus".
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace isoflop {

/// The form under which names are compared: "meta-llama/Llama-3-8B" -> "metallamallama38b",
/// "Command R+" -> "commandrplus".
std::string comparable_name(std::string_view name);

/// The stable id of a printed name: "Command-R+" -> "command-r-plus", "RTX 4090" -> "rtx-4090".
std::string catalogue_id(std::string_view name);

class NameIndex {
 public:
  /// Returns the record that already owns the name when it is not `record`; the name is then not added.
  std::optional<std::size_t> add(std::string_view name, std::size_t record);
  std::optional<std::size_t> find(std::string_view name) const;
  /// Position of the record; throws Error (Usage) `unknown KIND "NAME"; did you mean ...?` naming ids.
  std::size_t require(std::string_view kind, std::string_view name, const std::vector<std::string>& ids) const;

 private:
  std::unordered_map<std::string, std::size_t> record_of_;
  std::vector<std::pair<std::string, std::size_t>> spellings_;
};

}  // namespace isoflop
