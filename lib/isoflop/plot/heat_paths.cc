#include "isoflop/plot/heat_paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace isoflop {
namespace {

constexpr std::string_view opening = "<polygon fill = '", between = "' points = '", closing = " '/>";
constexpr std::size_t fewest_cells = 64;

struct Cell {
  std::string_view fill;
  double left = 0, top = 0, right = 0, bottom = 0;
};

/// The eight numbers of "x,y x,y x,y x,y", nothing else.
std::optional<std::array<double, 8>> corners(std::string_view text) {
  std::array<double, 8> numbers{};
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    const char* end = text.data() + text.size();
    const auto [after, problem] = std::from_chars(text.data(), end, numbers[k]);
    if (problem != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(after - text.data()));
    if (k + 1 == numbers.size()) break;
    if (text.empty() || text.front() != (k % 2 == 0 ? ',' : ' ')) return std::nullopt;
    text.remove_prefix(1);
  }
  return text.empty() ? std::optional(numbers) : std::nullopt;
}

/// The cell that begins at `at`, which is moved behind it.
std::optional<Cell> next_cell(std::string_view svg, std::size_t& at) {
  if (!svg.substr(at).starts_with(opening)) return std::nullopt;
  const std::size_t fill = at + opening.size(), fill_end = svg.find('\'', fill);
  if (fill_end == std::string_view::npos || !svg.substr(fill_end).starts_with(between)) return std::nullopt;
  const std::size_t points = fill_end + between.size(), points_end = svg.find('\'', points);
  if (points_end == std::string_view::npos || points_end == points ||
      !svg.substr(points_end - 1).starts_with(closing))
    return std::nullopt;
  const auto c = corners(svg.substr(points, points_end - 1 - points));
  if (!c) return std::nullopt;
  const auto& [x0, y0, x1, y1, x2, y2, x3, y3] = *c;
  if (x0 != x3 || x1 != x2 || y0 != y1 || y2 != y3) return std::nullopt;
  at = points_end - 1 + closing.size();
  return Cell{svg.substr(fill, fill_end - fill), std::min(x0, x1), std::min(y0, y2), std::max(x0, x1),
              std::max(y0, y2)};
}

std::string hundredths(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string paths(const std::vector<Cell>& cells) {
  std::vector<std::pair<std::string_view, std::string>> by_colour;
  for (const Cell& cell : cells) {
    std::size_t k = 0;
    while (k < by_colour.size() && by_colour[k].first != cell.fill) ++k;
    if (k == by_colour.size()) by_colour.emplace_back(cell.fill, "");
    const std::string width = hundredths(cell.right - cell.left), height = hundredths(cell.bottom - cell.top);
    by_colour[k].second +=
        "M" + hundredths(cell.left) + " " + hundredths(cell.top) + "h" + width + "v" + height + "h-" + width + "z";
  }
  std::string text;
  for (const auto& [fill, path] : by_colour) text += fmt::format("<path fill='{}' d='{}'/>", fill, path);
  return text;
}

}  // namespace

std::string join_heat_cells(const std::string& svg) {
  std::string result;
  std::size_t copied = 0;
  for (std::size_t at = 0; (at = svg.find(opening, at)) != std::string::npos;) {
    const std::size_t begin = at;
    std::vector<Cell> cells;
    while (const auto cell = next_cell(svg, at)) {
      cells.push_back(*cell);
      std::size_t next = at;
      while (next < svg.size() && (svg[next] == '\n' || svg[next] == '\t' || svg[next] == ' ')) ++next;
      if (svg.compare(next, opening.size(), opening) == 0) at = next;
    }
    if (cells.empty()) {
      at += opening.size();
    } else if (cells.size() >= fewest_cells) {
      result.append(svg, copied, begin - copied);
      result += paths(cells);
      copied = at;
    }
  }
  return result.append(svg, copied);
}

}  // namespace isoflop
