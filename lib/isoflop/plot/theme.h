// Colours of plots. Okabe and Ito's colour-blind safe set (Color Universal Design, 2008), darkened or lightened where
// a thin mark would fall under a contrast of 3:1 with the background (WCAG 2.1, 1.4.11). Colour never stands alone:
// layers differ in marker or dash too.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "isoflop/plot/plot_spec.h"

namespace isoflop {

struct Rgb {  ///< 0 to 255.
  int red = 0, green = 0, blue = 0;
  friend bool operator==(const Rgb&, const Rgb&) = default;
};

struct Palette {  ///< Colours of one theme.
  Rgb background, text, muted_text, axis, grid;
  Rgb muted_mark;            ///< of colour index -1
  std::vector<Rgb> marks;    ///< of colour index 0, 1, ...; used again from the start when they run out
  std::vector<Rgb> ramp;     ///< low to high for heat maps; lightness is monotone
};

const Palette& palette(Theme theme);  ///< Lives as long as the program.

/// Colour of a layer's index; -1 is the muted grey, -2 the text colour.
Rgb mark_colour(const Palette& palette, int index);

/// Position in [0, 1] on the ramp, interpolated in linear light.
Rgb ramp_colour(const Palette& palette, double position);

std::string hex_colour(Rgb colour);  ///< "#rrggbb".

/// Black or white, whichever stands out more from `ground`.
Rgb ink_on(Rgb ground);

/// Contrast ratio of two colours, 1 to 21. Source: WCAG 2.1, relative luminance.
double contrast_ratio(Rgb a, Rgb b);

/// A marker for the k-th group when the caller has no better choice; neighbours differ in shape.
Marker marker_of_group(std::size_t group);

}  // namespace isoflop
