#include "isoflop/error.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

namespace isoflop {
namespace {

std::string comparable(std::string_view name) {
  std::string result;
  for (char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '.')
      result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& candidates,
                                       std::size_t most) {
  const std::string wanted = comparable(name).substr(0, 64);
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const auto& candidate : candidates) {
    const std::string other = comparable(candidate);
    std::size_t distance = edit_distance(wanted, other);
    // A prefix or part is what people type; it counts as near whatever its length.
    if (!wanted.empty() && other.find(wanted) != std::string::npos)
      distance = std::min<std::size_t>(distance, 1);
    if (distance <= std::max<std::size_t>(2, wanted.size() / 3)) ranked.emplace_back(distance, candidate);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> result;
  for (const auto& [distance, candidate] : ranked)
    if (result.size() < most) result.push_back(candidate);
  return result;
}

// So many names fit on a line when none is near enough to be meant.
constexpr std::size_t few_names = 12;

Error unknown_name(std::string_view kind, std::string_view name, const std::vector<std::string>& candidates,
                   Fault fault) {
  std::string message = "unknown " + std::string(kind) + " \"" + std::string(name) + "\"";
  const auto near = nearest_names(name, candidates);
  if (!near.empty()) {
    message += "; did you mean ";
    for (std::size_t i = 0; i < near.size(); ++i)
      message += (i == 0 ? "" : i + 1 == near.size() ? " or " : ", ") + near[i];
    message += "?";
  } else if (candidates.size() <= few_names) {
    for (std::size_t i = 0; i < candidates.size(); ++i)
      message += (i == 0 ? "; expected one of " : ", ") + candidates[i];
  }
  return Error(fault, message);
}

}  // namespace isoflop
