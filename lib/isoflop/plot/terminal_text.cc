#include "isoflop/plot/terminal_text.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "isoflop/plot/text_metrics.h"

namespace isoflop {
namespace {

// Of the 256-colour set, near the theme's marks and readable on light and dark terminals.
constexpr std::array mark_codes = {33, 208, 36, 169, 142, 245, 75, 130};

// What an ASCII terminal can show of a text: superscripts become ^n, other characters "?".
std::string ascii_text(const std::string& text) {
  static constexpr std::u32string_view raised = U"⁰¹²³⁴⁵⁶⁷⁸⁹⁻";
  std::string result;
  bool in_power = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_code_point(text, at);
    const auto power = raised.find(code);
    if (power != std::u32string_view::npos) {
      if (!in_power) result += '^';
      result += power == 10 ? '-' : static_cast<char>('0' + power);
    } else if (code < 0x80) {
      result += static_cast<char>(code);
    } else {
      result += code == U'×' ? 'x' : code == U'−' || code == U'–' || code == U'—' ? '-' : code == U'…' ? '~' : '?';
    }
    in_power = power != std::u32string_view::npos;
  }
  return result;
}

}  // namespace

std::string terminal_text(const std::string& text, bool unicode) {
  return unicode ? clean_text(text) : ascii_text(clean_text(text));
}

std::string cut_terminal_text(const std::string& text, std::size_t room, bool unicode) {
  if (character_count(text) <= room) return text;
  std::string result;
  for (std::size_t at = 0, count = 0; at < text.size() && count + 1 < room; ++count)
    append_code_point(result, next_code_point(text, at));
  return result + (unicode ? "…" : "~");
}

std::string terminal_colour(int colour) {
  if (colour == plain_terminal_colour) return "";
  if (colour == -2) return "\x1b[39m";
  const int code = colour < 0 ? 244 : mark_codes[static_cast<std::size_t>(colour) % mark_codes.size()];
  return fmt::format("\x1b[38;5;{}m", code);
}

}  // namespace isoflop
