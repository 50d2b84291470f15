// Energy of a stretch of work on this machine: counted where the processor counts it, else modelled, and labelled so.
//
//   counted:   difference of the package counters (energy_counter.h), true value within tier_spread(Rapl)
//   modelled:  time x TDP x 0.5 (unmetered_power_w), true value within tier_spread(FractionOfTdp); a TDP that is not
//              given is 2.5 W x processors, triangular 1.5 to 5 (assumed; no table of processors was consulted)
//
// Both are the whole processor, whatever part of it the work used, and neither is a wall meter.
#pragma once
#include <chrono>
#include <mutex>

#include "isoflop/estimate.h"
#include "isoflop/sim/footprint/power.h"
#include "isoflop/sim/machine/energy_counter.h"

namespace isoflop::sim {

struct MeteredEnergy {  ///< Energy of a stretch of work.
  Estimate joules;     ///< 90 % interval
  double seconds = 0;
  MeterTier tier = MeterTier::FractionOfTdp;
  std::string source;  ///< the zones counted, or what was assumed and why nothing was counted
};

class EnergyMeter {
 public:
  /// Starts. `tdp_w` 0: not known; `system`: mount point of sysfs.
  explicit EnergyMeter(double tdp_w = 0, const std::string& system = "/sys");
  /// What is done until resume() does not count.
  void pause();
  void resume();
  /// To be called now and then during long work, from any thread: reads the counters at most once a second.
  void sample();
  /// So far, pauses left out.
  MeteredEnergy read();

 private:
  using Clock = std::chrono::steady_clock;
  void count();
  double tdp_w_;
  std::mutex mutex_;
  EnergyCounter counter_;
  bool paused_ = false;
  Clock::time_point since_ = Clock::now();  ///< the last reading
  double seconds_ = 0, counted_j_ = 0, last_j_ = 0;
};

/// What is said of that many seconds when nothing counts them. `why` opens the source.
MeteredEnergy modelled_energy(double seconds, double tdp_w, unsigned processors, const std::string& why);

}  // namespace isoflop::sim
