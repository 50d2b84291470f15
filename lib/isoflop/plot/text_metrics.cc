#include "isoflop/plot/text_metrics.h"

#include <algorithm>
#include <array>

namespace isoflop {
namespace {

// Advance widths in 1/1000 em, read from the hmtx tables of DejaVu Sans and DejaVu Sans Bold 2.37.
// U+0020 .. U+007E
constexpr std::array<short, 95> regular_ascii = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656,
    557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613,
    635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818,
    592, 592, 525, 636, 337, 636, 838};
// U+00A0 .. U+017F
constexpr std::array<short, 224> regular_latin = {
    318, 401, 636, 636, 636, 636, 337, 500, 500, 1000, 471, 612, 838, 361, 1000, 500, 500, 838, 401, 401, 500, 636,
    636, 318, 500, 401, 471, 612, 969, 969, 969, 531, 684, 684, 684, 684, 684, 684, 974, 698, 632, 632, 632, 632,
    295, 295, 295, 295, 775, 748, 787, 787, 787, 787, 787, 838, 787, 732, 732, 732, 732, 611, 605, 630, 613, 613,
    613, 613, 613, 613, 982, 550, 615, 615, 615, 615, 278, 278, 278, 278, 612, 634, 612, 612, 612, 612, 612, 838,
    612, 634, 634, 634, 634, 592, 635, 592, 684, 613, 684, 613, 684, 613, 698, 550, 698, 550, 698, 550, 698, 550,
    770, 635, 775, 635, 632, 615, 632, 615, 632, 615, 632, 615, 632, 615, 775, 635, 775, 635, 775, 635, 775, 635,
    752, 634, 916, 695, 295, 278, 295, 278, 295, 278, 295, 278, 295, 278, 590, 556, 295, 278, 656, 579, 579, 557,
    278, 557, 278, 557, 375, 557, 342, 562, 284, 748, 634, 748, 634, 748, 634, 813, 748, 634, 787, 612, 787, 612,
    787, 612, 1070, 1023, 695, 411, 695, 411, 695, 411, 635, 521, 635, 521, 635, 521, 635, 521, 611, 392, 611, 392,
    611, 392, 732, 634, 732, 634, 732, 634, 732, 634, 732, 634, 732, 634, 989, 818, 611, 592, 611, 685, 525, 685,
    525, 685, 525, 352};
// U+0391 .. U+03C9
constexpr std::array<short, 57> regular_greek = {
    684, 686, 557, 684, 632, 685, 752, 787, 295, 656, 684, 863, 748, 632, 787, 752, 603, 0, 632, 611, 611, 787, 685,
    787, 764, 295, 611, 659, 541, 634, 338, 579, 659, 638, 592, 612, 541, 544, 634, 612, 338, 589, 592, 636, 559,
    558, 612, 602, 635, 587, 634, 602, 579, 660, 578, 660, 837};
// U+0410 .. U+044F
constexpr std::array<short, 64> regular_cyrillic = {
    684, 686, 686, 610, 781, 632, 1077, 641, 748, 748, 710, 752, 863, 752, 787, 752, 603, 698, 611, 609, 861, 685,
    776, 686, 1069, 1094, 833, 882, 686, 698, 1080, 695, 613, 617, 589, 525, 691, 615, 901, 532, 650, 650, 604, 639,
    754, 654, 612, 654, 635, 550, 583, 592, 855, 592, 681, 591, 915, 942, 707, 790, 589, 549, 842, 602};
// U+2010 .. U+2027
constexpr std::array<short, 24> regular_punctuation = {
    361, 361, 636, 500, 1000, 1000, 500, 500, 318, 318, 318, 318, 518, 518, 518, 518, 500, 500, 590, 590, 334, 667,
    1000, 318};
// U+2070 .. U+209C
constexpr std::array<short, 45> regular_superscripts = {
    401, 179, 0, 0, 401, 401, 401, 401, 401, 401, 528, 528, 528, 246, 246, 398, 401, 401, 401, 401, 401, 401, 401,
    401, 401, 401, 528, 528, 528, 246, 246, 0, 392, 417, 414, 444, 417, 404, 426, 166, 623, 398, 428, 373, 295};
// U+0020 .. U+007E
constexpr std::array<short, 95> bold_ascii = {
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696,
    696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775,
    637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500, 500, 675,
    716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924,
    645, 652, 582, 712, 365, 712, 838};

template <std::size_t Count>
bool in_table(char32_t code, char32_t first, const std::array<short, Count>&) {
  return code >= first && code < first + Count;
}

double advance(char32_t code, bool bold) {
  if (bold && in_table(code, 0x20, bold_ascii)) return bold_ascii[code - 0x20];
  // Outside ASCII a bold letter is between 1.0 and 1.2 times as wide.
  const double weight = bold ? 1.2 : 1.0;
  if (in_table(code, 0x20, regular_ascii)) return regular_ascii[code - 0x20];
  if (in_table(code, 0xA0, regular_latin)) return weight * regular_latin[code - 0xA0];
  if (in_table(code, 0x391, regular_greek)) return weight * regular_greek[code - 0x391];
  if (in_table(code, 0x410, regular_cyrillic)) return weight * regular_cyrillic[code - 0x410];
  if (in_table(code, 0x2010, regular_punctuation)) return weight * regular_punctuation[code - 0x2010];
  if (in_table(code, 0x2070, regular_superscripts)) return weight * regular_superscripts[code - 0x2070];
  if ((code >= 0x300 && code < 0x370) || code == 0x200B || (code >= 0xFE00 && code < 0xFE10)) return 0;
  if (code == 0x20AC) return 636 * weight;
  if (code >= 0x2190 && code < 0x2300) return 838 * weight;
  if (code < 0x2000) return 800 * weight;
  return 1025;  // CJK, emoji and whatever else another font fills in
}

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  if (lead < 0x80) return lead;
  const std::size_t more = lead >= 0xF0 && lead < 0xF5 ? 3
                           : lead >= 0xE0              ? (lead < 0xF0 ? 2 : 0)
                           : lead >= 0xC2              ? 1
                                                       : 0;
  if (more == 0) return 0xFFFD;
  char32_t code = lead & (0x3F >> more);
  for (std::size_t k = 0; k < more; ++k) {
    if (at + k >= text.size() || !is_continuation(static_cast<unsigned char>(text[at + k]))) return 0xFFFD;
    code = (code << 6) | (static_cast<unsigned char>(text[at + k]) & 0x3F);
  }
  const char32_t least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
  if (code < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return 0xFFFD;
  at += more;
  return code;
}

void append_code_point(std::string& text, char32_t code) {
  const auto byte = [&](char32_t value) { text += static_cast<char>(static_cast<unsigned char>(value)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | (code >> 6));
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3F));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

double text_width_em(std::string_view text, bool bold) {
  double total = 0;
  for (std::size_t at = 0; at < text.size();) total += advance(next_code_point(text, at), bold);
  return total / 1000;
}

std::string clean_text(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    char32_t code = next_code_point(text, at);
    if (code == '\n' || code == '\r' || code == '\t' || code == 0x2028 || code == 0x2029 || code == 0x85) code = ' ';
    const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    const bool reorders = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    const bool not_xml = code == 0xFFFE || code == 0xFFFF;
    append_code_point(result, control || reorders || not_xml ? 0xFFFD : code);
  }
  return result;
}

std::vector<std::string> wrap_text(std::string_view text, double width_px, double size_px, bool bold) {
  const double limit_em = width_px / size_px;
  const double blank_em = text_width_em(" ", bold);
  std::vector<std::string> lines;
  std::string line;
  double line_em = 0;
  const auto finish_line = [&] {
    if (!line.empty()) lines.push_back(line);
    line.clear();
    line_em = 0;
  };
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(' ', start), text.size());
    const std::string_view word = text.substr(start, end - start);
    start = end + 1;
    if (word.empty()) continue;
    const double word_em = text_width_em(word, bold);
    if (!line.empty() && line_em + blank_em + word_em > limit_em) finish_line();
    if (word_em <= limit_em) {
      if (!line.empty()) line += ' ', line_em += blank_em;
      line += word;
      line_em += word_em;
      continue;
    }
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t before = at;
      const double one_em = advance(next_code_point(word, at), bold) / 1000;
      if (!line.empty() && line_em + one_em > limit_em) finish_line();
      line += word.substr(before, at - before);
      line_em += one_em;
    }
  }
  finish_line();
  return lines;
}

std::vector<std::string> wrap_text_evenly(std::string_view text, double width_px, double size_px, bool bold) {
  std::vector<std::string> lines = wrap_text(text, width_px, size_px, bold);
  if (lines.size() < 2) return lines;
  double low = width_px / 2, high = width_px;
  for (int step = 0; step < 12; ++step) {
    const double middle = (low + high) / 2;
    auto narrower = wrap_text(text, middle, size_px, bold);
    if (narrower.size() > lines.size()) {
      low = middle;
    } else {
      high = middle;
      lines = std::move(narrower);
    }
  }
  return lines;
}

std::string shorten_text(std::string_view text, double width_px, double size_px) {
  if (text_width_px(text, size_px) <= width_px) return std::string(text);
  std::string result;
  double em = text_width_em("\u2026");
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t before = at;
    em += advance(next_code_point(text, at), false) / 1000;
    if (em * size_px > width_px) break;
    result += text.substr(before, at - before);
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result + "\u2026";
}

std::size_t character_count(std::string_view text) {
  std::size_t count = 0;
  for (char c : text) count += !is_continuation(static_cast<unsigned char>(c));
  return count;
}

}  // namespace isoflop
