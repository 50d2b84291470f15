// Any bytes are a tokenizer that gives texts back exactly, or an Error; and any bytes are a text to learn one from.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "isoflop/error.h"
#include "isoflop/sim/kernel/byte_pairs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using isoflop::sim::BytePairs;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto gives_back = [&](const BytePairs& pairs) {
    if (pairs.decode(pairs.encode(bytes)) != bytes) std::abort();
  };
  gives_back(BytePairs::learn(bytes, 320));
  (void)isoflop::sim::printable(bytes);
  try {
    const BytePairs pairs = BytePairs::from_text(bytes, "fuzz");
    if (BytePairs::from_text(pairs.text(), "again").merges() != pairs.merges()) std::abort();
    gives_back(pairs);
  } catch (const isoflop::Error&) {
  }
  return 0;
}
