// Any bytes are JSON or an Error, and what was read survives writing and reading again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "isoflop/error.h"
#include "isoflop/report/value.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto value = isoflop::parse_json(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
    const std::string written = isoflop::to_json(value);
    if (isoflop::to_json(isoflop::parse_json(written, "again")) != written) std::abort();
  } catch (const isoflop::Error&) {
  }
  return 0;
}
