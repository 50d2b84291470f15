#include "isoflop/sim/kernel/large_pages.h"

#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace isoflop::sim {

void advise_large_pages([[maybe_unused]] void* address, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t small = 4096;
  const auto first = (reinterpret_cast<std::uintptr_t>(address) + small - 1) / small * small;
  const auto last = (reinterpret_cast<std::uintptr_t>(address) + bytes) / small * small;
  if (first < last) static_cast<void>(madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE));
#endif
}

}  // namespace isoflop::sim
