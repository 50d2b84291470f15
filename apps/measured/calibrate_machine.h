// `isoflop calibrate --this-machine`: this CPU's profile, with predictions held against measurements it has not seen.
#pragma once
#include <string>

#include "apps/command.h"

namespace isoflop::app {

struct MachineCalibrationRequest {
  bool quick = false;
  std::string folder;  ///< machine_profile.json is written there; empty: nowhere
  long memory_mb = 256;
};

Report calibrate_machine_report(const MachineCalibrationRequest& request, const Settings& settings);

}  // namespace isoflop::app
