// Any bytes are a config.json whose architecture holds together and survives being written, or an Error.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "isoflop/error.h"
#include "isoflop/model/architecture_json.h"
#include "isoflop/model/hf_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto architecture = isoflop::read_hf_config(text, "fuzz");
    const auto written = isoflop::to_json(isoflop::to_value(architecture));
    if (isoflop::to_json(
            isoflop::to_value(isoflop::architecture_from(isoflop::parse_json(written, "again"), "again"))) != written)
      std::abort();
  } catch (const isoflop::Error&) {
  }
  return 0;
}
