#include "isoflop/sim/kernel/large_pages.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace isoflop::sim {

void advise_large_pages([[maybe_unused]] void* address, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  static_cast<void>(madvise(address, bytes, MADV_HUGEPAGE));
#endif
}

}  // namespace isoflop::sim
