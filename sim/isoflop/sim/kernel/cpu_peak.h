// What one thread of this CPU can do at best: the rates that everything else is measured against, in the same process.
//
// Twelve independent instructions on registers per iteration, ones times ones: the sums are known exactly, so a loop
// that was spilled, skipped or cut short cannot pass as a low or a high peak (a spilled one gave 41 % of the truth).
#pragma once
#include <string>

#include "isoflop/sim/kernel/matrix_product.h"

namespace isoflop::sim {

enum class PeakKind { Fp32, Bf16, Int8 };  ///< Arithmetic whose peak is measured.

struct PeakRate {  ///< A measured peak of one thread.
  double op_per_s = 0;        ///< multiplications and additions, of one thread
  std::string instruction;    ///< "vfmadd231ps zmm"; empty: this CPU has none for the kind
  bool verified = false;      ///< the loop's result was the known one
};

/// Rate over about `seconds` of this thread's computing time. Bf16 and Int8 are empty where no instruction exists.
PeakRate peak_rate(PeakKind kind, double seconds);

/// FLOP/s of independent multiply-adds held in registers, over about `seconds`. Bf16 uses the hardware dot product
/// where there is one, else it equals fp32. Throws Error (CannotRun) when the result of the loop is wrong.
double multiply_add_peak_flop_per_s(Precision precision, double seconds);

/// Core clock from a chain of dependent integer additions, one cycle each.
double core_clock_hz(double seconds);

/// Reads `bytes` front to back with the widest loads there are and returns the OR of all words.
unsigned read_once(const void* from, std::size_t bytes);

}  // namespace isoflop::sim
