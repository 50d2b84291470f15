#include "isoflop/plot/theme.h"

#include <doctest/doctest.h>

#include "agrees.h"

using namespace isoflop;

TEST_CASE("contrast is WCAG's: black on white 21, and Okabe and Ito's blue on white 5.2") {
  CHECK(agrees(contrast_ratio({0, 0, 0}, {255, 255, 255}), 21, 10));
  CHECK(agrees(contrast_ratio({0x00, 0x72, 0xB2}, {255, 255, 255}), 5.19, 2.5));
}

TEST_CASE("marks stand out 3:1 from their background and texts 4.5:1, in both themes") {
  for (const Theme theme : {Theme::Light, Theme::Dark}) {
    const Palette& colours = palette(theme);
    for (int index = -2; index < 8; ++index) {
      INFO("theme " << static_cast<int>(theme) << " colour " << index);
      CHECK(contrast_ratio(mark_colour(colours, index), colours.background) >= 3);
    }
    CHECK(contrast_ratio(colours.text, colours.background) >= 7);
    CHECK(contrast_ratio(colours.muted_text, colours.background) >= 4.5);
    CHECK(contrast_ratio(colours.axis, colours.background) >= 3);
  }
}

TEST_CASE("a heat map's lightness only rises or only falls, so it reads without colour") {
  for (const Theme theme : {Theme::Light, Theme::Dark}) {
    const Palette& colours = palette(theme);
    double before = contrast_ratio(ramp_colour(colours, 0), {0, 0, 0});
    const bool falls = contrast_ratio(ramp_colour(colours, 1), {0, 0, 0}) < before;
    for (int k = 1; k <= 100; ++k) {
      const double now = contrast_ratio(ramp_colour(colours, k / 100.0), {0, 0, 0});
      CHECK((falls ? now < before : now > before));
      before = now;
    }
  }
}

TEST_CASE("neighbouring groups differ in shape") {
  for (std::size_t k = 0; k < 24; ++k) CHECK(marker_of_group(k) != marker_of_group(k + 1));
}
