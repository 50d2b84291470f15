#include "isoflop/plot/theme.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace isoflop {
namespace {

constexpr Rgb rgb(unsigned hex) {
  return {static_cast<int>(hex >> 16), static_cast<int>((hex >> 8) & 0xFF), static_cast<int>(hex & 0xFF)};
}

double linear_light(int channel) {
  const double v = channel / 255.0;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

int encoded_light(double light) {
  const double v = light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
  return static_cast<int>(std::lround(255 * std::clamp(v, 0.0, 1.0)));
}

double luminance(Rgb c) {
  return 0.2126 * linear_light(c.red) + 0.7152 * linear_light(c.green) + 0.0722 * linear_light(c.blue);
}

}  // namespace

const Palette& palette(Theme theme) {
  static const Palette light = {
      rgb(0xFFFFFF),
      rgb(0x1A1A1A),
      rgb(0x565B62),
      rgb(0x6B7078),
      rgb(0xE6E8EB),
      rgb(0x8A8F98),
      {rgb(0x0072B2), rgb(0xD55E00), rgb(0x00916A), rgb(0xA9447F), rgb(0x8A6D00), rgb(0x3A3A3A), rgb(0x2C8FC7),
       rgb(0x7A3E12)},
      {rgb(0xF4F7EE), rgb(0xBFE0D2), rgb(0x6BBBC4), rgb(0x2E8BB5), rgb(0x1F5A96), rgb(0x1B2A5E)}};
  static const Palette dark = {
      rgb(0x121212),
      rgb(0xEDEDED),
      rgb(0xB0B4BA),
      rgb(0x8B9098),
      rgb(0x2E3136),
      rgb(0x858A93),
      {rgb(0x56B4E9), rgb(0xFF8A4A), rgb(0x35D0A0), rgb(0xE58BC4), rgb(0xF0E442), rgb(0xF2F2F2), rgb(0xA9C7FF),
       rgb(0xC98A00)},
      {rgb(0x1A1D2E), rgb(0x1F4A78), rgb(0x2380A6), rgb(0x47B5B0), rgb(0x9ADBAE), rgb(0xF4F6C8)}};
  return theme == Theme::Dark ? dark : light;
}

Rgb mark_colour(const Palette& colours, int index) {
  if (index < 0) return index == -1 ? colours.muted_mark : colours.text;
  return colours.marks[static_cast<std::size_t>(index) % colours.marks.size()];
}

Rgb ramp_colour(const Palette& colours, double position) {
  const double last = static_cast<double>(colours.ramp.size() - 1);
  const double place = std::isfinite(position) ? std::clamp(position, 0.0, 1.0) * last : 0;
  const auto below = static_cast<std::size_t>(std::min(std::floor(place), last - 1));
  const double share = place - static_cast<double>(below);
  const Rgb a = colours.ramp[below], b = colours.ramp[below + 1];
  const auto mixed = [share](int from, int to) {
    return encoded_light((1 - share) * linear_light(from) + share * linear_light(to));
  };
  return {mixed(a.red, b.red), mixed(a.green, b.green), mixed(a.blue, b.blue)};
}

std::string hex_colour(Rgb c) { return fmt::format("#{:02x}{:02x}{:02x}", c.red, c.green, c.blue); }

double contrast_ratio(Rgb a, Rgb b) {
  const double la = luminance(a) + 0.05, lb = luminance(b) + 0.05;
  return std::max(la, lb) / std::min(la, lb);
}

Rgb ink_on(Rgb ground) {
  const Rgb black = rgb(0x000000), white = rgb(0xFFFFFF);
  return contrast_ratio(ground, black) > contrast_ratio(ground, white) ? black : white;
}

Marker marker_of_group(std::size_t group) {
  static constexpr std::array order = {Marker::Circle,      Marker::TriangleUp,       Marker::Square,
                                       Marker::Diamond,     Marker::TriangleDown,     Marker::Pentagon,
                                       Marker::CircleOpen,  Marker::TriangleUpOpen,   Marker::SquareOpen,
                                       Marker::DiamondOpen, Marker::TriangleDownOpen, Marker::Cross};
  return order[group % order.size()];
}

}  // namespace isoflop
