#include "isoflop/sim/training/training_run.h"

namespace isoflop::sim {

NumberFormat compute_format(TrainingPrecision precision) {
  switch (precision) {
    case TrainingPrecision::Bf16: return NumberFormat::Bf16;
    case TrainingPrecision::Fp16: return NumberFormat::Fp16;
    case TrainingPrecision::Fp8: return NumberFormat::Fp8;
    case TrainingPrecision::Fp4: return NumberFormat::Fp4;
    case TrainingPrecision::Int8: return NumberFormat::Int8;
  }
  return NumberFormat::Bf16;
}

std::string_view name_of(TrainingPrecision precision) { return name_of(compute_format(precision)); }

std::optional<TrainingPrecision> training_precision_named(std::string_view word) {
  for (const TrainingPrecision p : {TrainingPrecision::Bf16, TrainingPrecision::Fp16, TrainingPrecision::Fp8,
                                    TrainingPrecision::Fp4, TrainingPrecision::Int8})
    if (name_of(p) == word) return p;
  return std::nullopt;
}

}  // namespace isoflop::sim
