// Pictures that stand inside an HTML page: one drawing whose colours are custom properties, so that the page switches
// between light and dark, and whose marks carry data for scripts. No style attribute, no script, no outside resource.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "isoflop/plot/plot_spec.h"

namespace isoflop {

/// The same picture drawn in both themes.
struct ThemedSvg {
  std::string light, dark;
};

/// `id` is the plot's identity in the page; ids inside the picture begin with it. `second`: another picture of the same
/// plot carries the hover texts. Throws Error as draw_svg does.
ThemedSvg draw_themed_svg(const PlotSpec& plot, const std::string& id, bool second = false);

/// Pairs of a light and a dark colour, each a custom property --cN.
class PageColours {
 public:
  /// `var(--cN)`; equal pairs share one property.
  std::string property(const std::string& light, const std::string& dark);
  /// "--c0:#fff;--c1:..." in one theme.
  std::string declarations(Theme theme) const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

/// The picture as markup, with its colours in `colours`. Throws Error (CannotRun) when the two differ in more than
/// colours.
std::string page_markup(const ThemedSvg& picture, PageColours& colours);

}  // namespace isoflop
