// Electric power of a device from its load, and how well the figure is known.
// P(u) = idle + (full - idle) u^exponent. No universal curve beats a constant: against RAPL logs of three machines
// (58 points, load above 5 %) half of TDP errs by a median 24 %, CodeCarbon's cubic by 53 %, and a curve calibrated
// with the machine's own idle and full power by 15 % (exponent 0.5).
#pragma once
#include <string_view>

#include "isoflop/hardware/accelerator.h"
#include "isoflop/sim/footprint/distribution.h"

namespace isoflop::sim {

/// How energy was obtained, best first. Recorded with every result.
enum class MeterTier {
  EnergyCounter,  ///< accelerator's energy counter, or a wall meter
  Rapl,           ///< processor package counter
  TwoPointCurve,  ///< load curve through this machine's measured idle and full power
  ReportedPower,  ///< mean power stated by the owner of the run
  FractionOfTdp,  ///< modelled from the data sheet
  TdpTimesHours,  ///< a reporting convention, no estimate of what was drawn
};
std::string_view name_of(MeterTier tier);  ///< Name for tables.

/// Multiplier on the power of a tier, median 1: spread of the true value around the figure.
/// EnergyCounter, Rapl, ReportedPower: 5 % (assumed; arXiv:2312.02741 finds up to 5 % for the sensor itself).
/// TwoPointCurve: median error 15 %; FractionOfTdp: median error 24 % (RAPL logs in the CodeCarbon repository).
Distribution tier_spread(MeterTier tier);

struct LoadCurve {  ///< Power of a device against its load.
  double idle_w = 0;
  double full_w = 0;
  double exponent = 0.5;

  /// Through two measured points; exponent 0.5 gave the least error over three machines (median 15 %, n = 52).
  static LoadCurve two_point(double idle_w, double full_w) { return {idle_w, full_w, 0.5}; }
  /// `load` in [0, 1]; throws Error (BadInput) outside, or when full < idle.
  double power_w(double load) const;
};

/// What to assume of a processor with neither counter nor calibration: half of TDP, whatever the load.
double unmetered_power_w(double tdp_w);

/// CodeCarbon's fallback TDP (0.1 + 0.9 load^3), kept as the baseline to beat. Source: mlco2/codecarbon@b05965e.
double codecarbon_fallback_power_w(double tdp_w, double load);

/// Mean power per training accelerator as a share of its TDP.
/// A100 and H100 class, accelerator alone: triangular 0.80, 0.90, 0.95 (long H100 runs measured at 0.85-0.95).
/// Other GPUs: triangular 0.60, 0.85, 0.95 (assumed: no long run was measured).
/// TPUs, whole system over the chip's TDP: triangular 0.9, 1.4, 2.4 (245-310 W over 220 for v3, arXiv:2104.10350;
/// 326-379 W over 192 for v4, PaLM and GLaM), so no host comes on top.
Distribution training_power_fraction(const Accelerator& device);
/// The same for serving: triangular 0.57, 0.72, 0.90 (p10-p90 of 274 measured H100 configurations).
Distribution serving_power_fraction();
/// IT energy per accelerator energy (host processors, memory, network, idle): triangular 1.2, 1.4, 1.82.
/// High end: nameplate of a DGX H100 (Epoch AI); 1.72 all-in with PUE for serving at Google (arXiv:2508.15734).
Distribution host_factor();

}  // namespace isoflop::sim
