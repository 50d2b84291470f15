// The style and the script of an HTML page, as they are inlined.
#pragma once

namespace isoflop {

extern const char* const page_style;
extern const char* const page_script;
/// Puts Vega-Lite views in the place of pictures on request; only in pages that carry Vega.
extern const char* const page_vega_script;

}  // namespace isoflop
