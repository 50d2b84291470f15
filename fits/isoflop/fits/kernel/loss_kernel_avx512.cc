// The kernel for machines with AVX-512: eight runs in one register.
#include "isoflop/fits/kernel/loss_kernel.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include <type_traits>

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma")
#pragma GCC diagnostic ignored "-Wpsabi"
#define ISOFLOP_SIMD_BITS 512
#include "isoflop/fits/kernel/loss_kernel_body.h"

namespace isoflop::fits::kernel {
void fill_avx512(Variant& variant) { fill_variant(variant); }
}  // namespace isoflop::fits::kernel
#pragma GCC pop_options
#endif
