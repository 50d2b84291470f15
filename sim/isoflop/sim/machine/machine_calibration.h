// Calibrates this machine: limits, then single operations over shapes, then constants per kind of work; and holds whole
// training steps, prompts and decode steps of models it has not seen against the prediction.
//
// Operations are timed one by one inside passes of one-layer programs, where their operands are as warm as in a model.
// All times of one thread are its own computing time. Of several repeats of a shape the median counts.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "isoflop/sim/machine/machine_probes.h"

namespace isoflop::sim {

struct CalibrationRun {  ///< How much is measured.
  int threads = 0;
  bool quick = false;            ///< fewer probe shapes, smaller unseen models
  std::uint64_t seed = 42;
  std::size_t memory_bytes = std::size_t{256} << 20;
  RepeatRules rules;
  std::function<void(double, const std::string&)> progress = [](double, const std::string&) {};
};

struct MachineCalibration {
  MachineProfile profile;
  std::vector<MeasuredWork> measured;
  Repeats peak, bandwidth;       ///< fp32 peak and memory bandwidth of one thread over the whole calibration
  double median_steal = 0, median_foreign = 0;
  std::size_t dropped_windows = 0;
};

MachineCalibration calibrate_machine(const CalibrationRun& run);  ///< Takes minutes; see CalibrationRun.

}  // namespace isoflop::sim
