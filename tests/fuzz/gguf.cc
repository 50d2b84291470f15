// Any bytes are a GGUF header that holds together, or an Error.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "isoflop/error.h"
#include "isoflop/import/tensor_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const bool only_header : {false, true}) try {
      const auto file = isoflop::parse_gguf(bytes, static_cast<std::int64_t>(size), "fuzz", only_header);
      if (file.parameters() < 0 || file.other_elements() < 0 || file.tensor_bytes() < 0) std::abort();
      if (!only_header && file.tensor_bytes() > file.file_bytes) std::abort();
      (void)isoflop::tensor_groups({file});
    } catch (const isoflop::Error&) {
    }
  return 0;
}
