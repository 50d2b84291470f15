// A training run as it is described: what is trained, on what, how it is spread out. Computes nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "isoflop/hardware/accelerator.h"
#include "isoflop/model/architecture.h"
#include "isoflop/model/step.h"
#include "isoflop/sim/training/layout.h"
#include "isoflop/sim/training/training_program.h"

namespace isoflop::sim {

/// In which format the large matrix products of a layer are computed; head, router and attention stay in 16 bits.
enum class TrainingPrecision { Bf16, Fp16, Fp8, Fp4, Int8 };

/// Formats of 8 bits and less, whose products run at a peak of their own.
constexpr bool is_low_precision(TrainingPrecision p) {
  return p == TrainingPrecision::Fp8 || p == TrainingPrecision::Fp4 || p == TrainingPrecision::Int8;
}

struct TrainingRun {
  Architecture architecture;
  Accelerator accelerator;
  Cluster cluster;
  Layout layout;
  TrainingPrecision precision = TrainingPrecision::Bf16;
  std::int64_t sequence_length = 4096;
  double global_batch = 1;        ///< sequences per optimiser step
  double tokens = 0;              ///< of the whole run; 0: one step is all that is asked
  double gradient_bytes = 4;      ///< accumulated in fp32; 2 in pure 16-bit training
  double overhead_fraction = 0.1;  ///< of the run's time spent on restarts, evaluation, checkpoints (assumed)
  Routing routing;                ///< how unevenly tokens choose experts
  TrainingProgram program;        ///< how numbers are held; decides memory only

  double tokens_per_step() const { return global_batch * static_cast<double>(sequence_length); }
  double micro_batches() const { return global_batch / (static_cast<double>(layout.data) * layout.micro_batch); }
};

/// The number format whose peak holds for the large products.
NumberFormat compute_format(TrainingPrecision precision);
std::string_view name_of(TrainingPrecision precision);
std::optional<TrainingPrecision> training_precision_named(std::string_view word);

}  // namespace isoflop::sim
