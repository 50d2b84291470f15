// How wide a text is, without a font library: advance widths of DejaVu Sans, measured from the installed font.
// Kerning is ignored; it narrows text by under 2 %, so boxes computed here are never too small.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace isoflop {

/// Width in units of the font size ("em"). Wide scripts and emoji count 1 em, combining marks 0.
double text_width_em(std::string_view text, bool bold = false);

inline double text_width_px(std::string_view text, double size_px, bool bold = false) {  ///< At a font size in pixels.
  return text_width_em(text, bold) * size_px;
}

/// What may stand in an image: valid UTF-8 without control characters. Newlines and tabs become blanks, other
/// control characters and broken bytes U+FFFD.
std::string clean_text(std::string_view text);

/// Lines no wider than `width_px`, broken at blanks; a word that is too wide alone is broken inside. Empty for empty
/// text.
std::vector<std::string> wrap_text(std::string_view text, double width_px, double size_px, bool bold = false);

/// The same number of lines, as equally long as breaking at blanks allows: no last line of one word.
std::vector<std::string> wrap_text_evenly(std::string_view text, double width_px, double size_px, bool bold = false);

/// The text, or its beginning with an ellipsis when it is wider than `width_px`.
std::string shorten_text(std::string_view text, double width_px, double size_px);

/// Number of characters (code points) in valid UTF-8.
std::size_t character_count(std::string_view text);

/// The code point at `at`, which then points behind it; broken bytes give U+FFFD.
char32_t next_code_point(std::string_view text, std::size_t& at);

/// Appends the code point as UTF-8.
void append_code_point(std::string& text, char32_t code);

}  // namespace isoflop
