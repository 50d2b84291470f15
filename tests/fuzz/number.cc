// Any text is a finite number or none.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "isoflop/number_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& value :
       {isoflop::parse_number(text), isoflop::parse_plain_number(text), isoflop::parse_duration_s(text)})
    if (value && !std::isfinite(*value)) std::abort();
  if (const auto value = isoflop::parse_number(text)) {
    (void)isoflop::format_number(*value);
    (void)isoflop::format_si(*value, "FLOP");
    (void)isoflop::format_count(*value);
    (void)isoflop::format_duration_s(*value);
  }
  return 0;
}
