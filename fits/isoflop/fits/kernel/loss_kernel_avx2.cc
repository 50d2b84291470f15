// The kernel for machines with AVX2 and fused multiply-add: eight runs in two registers.
#include "isoflop/fits/kernel/loss_kernel.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include <type_traits>

#pragma GCC push_options
#pragma GCC target("avx2,fma")
#pragma GCC diagnostic ignored "-Wpsabi"
#define ISOFLOP_SIMD_BITS 256
#include "isoflop/fits/kernel/loss_kernel_body.h"

namespace isoflop::fits::kernel {
void fill_avx2(Variant& variant) { fill_variant(variant); }
}  // namespace isoflop::fits::kernel
#pragma GCC pop_options
#endif
