// Any bytes are an index of shards whose tensors all lie in a named file, or an Error.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "isoflop/error.h"
#include "isoflop/import/safetensors_index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto index = isoflop::parse_safetensors_index(text, "fuzz");
    if (index.shards.empty() || index.shard_of.empty()) std::abort();
    for (const auto& [tensor, shard] : index.shard_of)
      if (shard >= index.shards.size()) std::abort();
    for (const auto& shard : index.shards)
      if (shard.find('/') != std::string::npos) std::abort();
  } catch (const isoflop::Error&) {
  }
  return 0;
}
