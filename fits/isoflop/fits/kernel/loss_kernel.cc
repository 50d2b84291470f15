// The kernel for any machine, and the choice of the best one that this machine runs.
#include "isoflop/fits/kernel/loss_kernel.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <type_traits>

#pragma GCC diagnostic ignored "-Wpsabi"
#define ISOFLOP_SIMD_BITS 0
#include "isoflop/fits/kernel/loss_kernel_body.h"

namespace isoflop::fits::kernel {

AlignedDoubles::AlignedDoubles(std::size_t count) : size_(count) {
  const std::size_t room = std::max<std::size_t>(1, groups()) * lanes;
  data_.reset(new (std::align_val_t{64}) double[room]);
  std::fill_n(data_.get(), room, 0.0);
}

AlignedDoubles::AlignedDoubles(const AlignedDoubles& other) : AlignedDoubles(other.size_) {
  std::copy_n(other.data(), groups() * lanes, data());
}

AlignedDoubles& AlignedDoubles::operator=(const AlignedDoubles& other) {
  if (this != &other) *this = AlignedDoubles(other);
  return *this;
}

void AlignedDoubles::Free::operator()(double* p) const { ::operator delete[](p, std::align_val_t{64}); }

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
void fill_avx512(Variant& variant);
void fill_avx2(Variant& variant);
#endif

const std::vector<Variant>& variants() {
  static const std::vector<Variant> list = [] {
    std::vector<Variant> found;
    const auto add = [&found](const char* name) -> Variant& {
      Variant& variant = found.emplace_back();
      variant.name = name;
      return variant;
    };
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw"))
      fill_avx512(add("avx512"));
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) fill_avx2(add("avx2"));
#endif
    fill_variant(add("plain"));
    return found;
  }();
  return list;
}

}  // namespace isoflop::fits::kernel
