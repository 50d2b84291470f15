// Training curves as loggers export them. Neither export knows how large a
// model is or how many tokens a step sees, so a second table says it:
// `run,params,tokens_per_step`.
//
//   Weights & Biases, chart export   Step, "RUN - METRIC", "RUN - METRIC__MIN",
//   "RUN - METRIC__MAX", ... TensorBoard, scalars             Wall time, Step,
//   Value; the run is in the file's name: run-RUN-tag-TAG.csv or RUN.csv
#pragma once
#include <optional>
#include <vector>

#include "isoflop/fits/training_envelope.h"

namespace isoflop::fits {

/// Curves of all files, each in any of the forms above or as
/// read_training_curves() takes it. Throws Error: Usage when an export comes
/// without `sizes`; BadInput for a run that `sizes` does not name, a run told
/// twice, or a cell that is no positive number.
std::vector<TrainingCurve> read_curve_files(const std::vector<CsvTable>& files, const std::optional<CsvTable>& sizes);

}  // namespace isoflop::fits
