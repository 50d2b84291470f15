// Any bytes are a JSON request that becomes a command line, or an Error.
#include <cstdint>
#include <string_view>

#include "apps/shell/request.h"
#include "isoflop/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)isoflop::app::request_arguments(
        isoflop::parse_json(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz"));
  } catch (const isoflop::Error&) {
  }
  return 0;
}
