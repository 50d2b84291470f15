// Rows of a table of measured training speeds as runs that can be simulated: which model, which devices, which layout,
// and how the measured figure follows from the tokens per second. Sources state speed in different ways (attention
// counted in full, by the causal half, or by Megatron's formula); each is restated in its own convention, so that a
// prediction is compared with what was printed.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/sim/training/training_run.h"
#include "isoflop/sim/training/training_work.h"

namespace isoflop::sim {

struct TrainingSample {  ///< One measured run.
  std::string row_id, group, source, metric;
  std::string model;        ///< as the row names it
  std::string accelerator;  ///< id
  std::string stack;        ///< who measured with which software: constants are shared within
  TrainingRun run;
  double measured = 0;      ///< in the unit of the table
  /// measured = factor * rate, or factor / rate when inverse; rate = tokens per second and device.
  double factor = 1;
  bool inverse = false;
  bool whole_run = false;   ///< device-hours of a published model: with restarts, evaluation and everything else
  std::vector<std::string> assumed;  ///< what the row does not state

  /// From tokens per second and device to the unit of the table.
  double predicted(double rate) const { return inverse ? factor / rate : factor * rate; }
  double measured_rate() const { return inverse ? factor / measured : measured / factor; }
};

/// A measured peak of device memory.
struct TrainingMemorySample {
  std::string row_id, group, source, metric;
  std::string accelerator;  ///< id
  TrainingRun run;
  double measured = 0;      ///< in the unit of the table
  double unit_bytes = 1;
  MemoryCount count = MemoryCount::Reserved;
  double device_bytes = 0;  ///< a caching allocator holds no more than this
  bool fine_tuning = false;  ///< the row says so; scored apart from pre-training
  std::vector<std::string> assumed;
};

struct RefusedTrainingRow {  ///< A row that is not used, and why.
  std::string row_id, reason;
};

struct TrainingSamples {  ///< Rows that can be predicted, and those that cannot.
  std::vector<TrainingSample> samples;
  std::vector<TrainingMemorySample> memory;  ///< apart, so that no calibration of speeds sees them
  std::vector<RefusedTrainingRow> refused;
};

/// Throws Error (BadInput) for a missing column or a cell that is no number. Rows that cannot be simulated (hybrid
/// models, fine-tuning, unknown batch) are refused with a reason.
TrainingSamples read_training_table(const CsvTable& table, const DataFolder& data = {});

}  // namespace isoflop::sim
