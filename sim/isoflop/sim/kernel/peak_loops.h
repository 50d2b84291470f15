// Loops whose work per iteration is known exactly. Assembly, so that no compiler can spill or remove it.
#pragma once
#include <cstddef>

namespace isoflop::sim {

void fma_loop_avx512(std::size_t iterations);
void bf16_loop_avx512(std::size_t iterations);
void fma_loop_avx2(std::size_t iterations);
void fma_loop_scalar(std::size_t iterations);
void dependent_adds(std::size_t iterations);

/// Twelve independent instructions an iteration; 2 FLOP a lane, 4 for a bf16 pair.
inline constexpr double fma_loop_flop_avx512 = 12 * 16 * 2;
inline constexpr double bf16_loop_flop_avx512 = 12 * 16 * 4;
inline constexpr double fma_loop_flop_avx2 = 12 * 8 * 2;
inline constexpr double fma_loop_flop_scalar = 12 * 4 * 2;
inline constexpr double dependent_adds_per_iteration = 32;

}  // namespace isoflop::sim
