// Memory of large arrays in large pages where the system offers them: reading gigabytes front to back then does not
// wait for address translation. Falls back to plain pages silently.
#pragma once
#include <cstddef>
#include <new>
#include <vector>

namespace isoflop::sim {

/// Tells the system that whole pages of [address, address + bytes) may be large. Does nothing where that is unknown.
void advise_large_pages(void* address, std::size_t bytes);

template <typename T>
struct LargePages {
  using value_type = T;
  static constexpr std::size_t page = 2u << 20;  ///< bytes; arrays of half of one or more take whole ones

  LargePages() = default;
  template <typename U>
  LargePages(const LargePages<U>&) {}

  static bool large(std::size_t count) { return count * sizeof(T) >= page / 2; }  ///< Takes large pages.
  static std::align_val_t alignment(std::size_t count) { return std::align_val_t(large(count) ? page : 64); }
  T* allocate(std::size_t count) {  ///< As std::allocator; throws std::bad_alloc.
    const std::size_t bytes = large(count) ? (count * sizeof(T) + page - 1) / page * page : count * sizeof(T);
    void* memory = ::operator new(bytes, alignment(count));
    if (large(count)) advise_large_pages(memory, bytes);
    return static_cast<T*>(memory);
  }
  /// As std::allocator.
  void deallocate(T* memory, std::size_t count) { ::operator delete(memory, alignment(count)); }
  template <typename U>
  bool operator==(const LargePages<U>&) const { return true; }
};

template <typename T>
using LargeArray = std::vector<T, LargePages<T>>;

/// `count` zeros in an ordinary vector, in large pages but for its ends.
inline std::vector<float> zeros_in_large_pages(std::size_t count) {
  std::vector<float> zeros;
  zeros.reserve(count);
  advise_large_pages(zeros.data(), count * sizeof(float));  // before the memory is first touched
  zeros.resize(count);
  return zeros;
}

}  // namespace isoflop::sim
