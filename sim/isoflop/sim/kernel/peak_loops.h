// Loops whose work per iteration is known exactly. Assembly, so that no compiler can spill or remove it. Each returns
// a result that is known beforehand: a loop that did not do its work is found out.
#pragma once
#include <cstddef>

namespace isoflop::sim {

/// Multiplications of ones with ones, added up in twelve registers; returns the sum of all lanes.
double fma_loop_avx512(std::size_t iterations);
double bf16_loop_avx512(std::size_t iterations);
double int8_loop_avx512(std::size_t iterations);  ///< VNNI: unsigned times signed bytes
double fma_loop_avx2(std::size_t iterations);
double fma_loop_scalar(std::size_t iterations);   ///< multiplications and additions apart, four lanes
/// Returns the number of additions.
double dependent_adds(std::size_t iterations);

/// Reads `bytes` (a multiple of 512) front to back; returns the OR of all 32-bit words.
unsigned read_loop_avx512(const void* from, std::size_t bytes);
unsigned read_loop_avx2(const void* from, std::size_t bytes);
unsigned read_loop_scalar(const void* from, std::size_t bytes);

/// Operations of an iteration: twelve independent instructions, 2 operations a lane, 4 for a bf16 pair, 8 for four
/// bytes. The sum of all lanes per iteration is half of that.
inline constexpr double fma_loop_flop_avx512 = 12 * 16 * 2;
inline constexpr double bf16_loop_flop_avx512 = 12 * 16 * 4;
inline constexpr double int8_loop_op_avx512 = 12 * 16 * 8;
inline constexpr double fma_loop_flop_avx2 = 12 * 8 * 2;
inline constexpr double fma_loop_flop_scalar = 12 * 4 * 2;
inline constexpr double dependent_adds_per_iteration = 32;

}  // namespace isoflop::sim
