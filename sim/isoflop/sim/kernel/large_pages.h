// Memory of large arrays in large pages where the system offers them: reading gigabytes front to back then does not
// wait for address translation. Falls back to plain pages silently.
#pragma once
#include <cstddef>
#include <new>
#include <vector>

namespace isoflop::sim {

/// Tells the system that [address, address + bytes) may use large pages. Does nothing where that is unknown.
void advise_large_pages(void* address, std::size_t bytes);

template <typename T>
struct LargePages {
  using value_type = T;
  static constexpr std::size_t page = 2u << 20;  ///< bytes; arrays of at least two of them are aligned to it

  LargePages() = default;
  template <typename U>
  LargePages(const LargePages<U>&) {}

  static std::align_val_t alignment(std::size_t count) {
    return std::align_val_t(count * sizeof(T) >= 2 * page ? page : 64);
  }
  T* allocate(std::size_t count) {
    void* memory = ::operator new(count * sizeof(T), alignment(count));
    if (count * sizeof(T) >= 2 * page) advise_large_pages(memory, count * sizeof(T));
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) { ::operator delete(memory, alignment(count)); }
  template <typename U>
  bool operator==(const LargePages<U>&) const { return true; }
};

template <typename T>
using LargeArray = std::vector<T, LargePages<T>>;

}  // namespace isoflop::sim
