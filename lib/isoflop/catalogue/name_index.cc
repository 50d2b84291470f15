#include "isoflop/catalogue/name_index.h"

#include <algorithm>
#include <cctype>

#include "isoflop/error.h"

namespace isoflop {

std::string comparable_name(std::string_view name) {
  std::string result;
  for (char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) || c == '.')) result += static_cast<char>(std::tolower(byte));
    if (c == '+') result += "plus";
  }
  return result;
}

std::string catalogue_id(std::string_view name) {
  std::string result;
  for (char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '+') result += "-plus";
    else if (byte < 0x80 && (std::isalnum(byte) || c == '.')) result += static_cast<char>(std::tolower(byte));
    else if (!result.empty() && result.back() != '-') result += '-';
  }
  while (!result.empty() && result.back() == '-') result.pop_back();
  return result;
}

std::optional<std::size_t> NameIndex::add(std::string_view name, std::size_t record) {
  const std::string key = comparable_name(name);
  if (key.empty()) return std::nullopt;
  const auto [place, is_new] = record_of_.emplace(key, record);
  if (!is_new && place->second != record) return place->second;
  if (is_new) spellings_.emplace_back(name, record);
  return std::nullopt;
}

std::optional<std::size_t> NameIndex::find(std::string_view name) const {
  if (const auto found = record_of_.find(comparable_name(name)); found != record_of_.end()) return found->second;
  const auto slash = name.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto found = record_of_.find(comparable_name(name.substr(slash + 1)));
  if (found == record_of_.end()) return std::nullopt;
  return found->second;
}

std::size_t NameIndex::require(std::string_view kind, std::string_view name,
                               const std::vector<std::string>& ids) const {
  if (const auto found = find(name)) return *found;
  // Aliases take part in the search, but the answer names ids.
  std::vector<std::string> spellings;
  for (const auto& [spelling, record] : spellings_) spellings.push_back(spelling);
  const auto slash = name.rfind('/');
  const std::string_view short_name = slash == std::string_view::npos ? name : name.substr(slash + 1);
  std::vector<std::string> suggested;
  for (const auto& near : nearest_names(short_name, spellings, 6)) {
    const std::string& id = ids[*find(near)];
    if (std::find(suggested.begin(), suggested.end(), id) == suggested.end() && suggested.size() < 3)
      suggested.push_back(id);
  }
  std::string message = "unknown " + std::string(kind) + " \"" + std::string(name) + "\"";
  for (std::size_t i = 0; i < suggested.size(); ++i)
    message += (i == 0 ? "; did you mean " : i + 1 == suggested.size() ? " or " : ", ") + suggested[i];
  throw Error(Fault::Usage, message + (suggested.empty() ? "" : "?"));
}

}  // namespace isoflop
