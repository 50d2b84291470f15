// Time of one work on one thread of this CPU: the form of the op-time models of accelerators, with the terms a CPU
// kernel has instead of waves.
//
//   t = calls t_call + rows t_row + sqrt( (tile FLOP / (P e_f) + items t_item + packed t_pack)^2 + (bytes / (B(set)
//   e_b))^2 )
//
// P is the measured multiply-add peak of the arithmetic, B(set) the measured read bandwidth of the working set. The
// constants e_f, e_b (utilisations) and t_* (seconds) are fitted per kind of work, as logarithms, by least squares on
// ln(predicted / measured) with the engine that calibrates accelerators. A term that no work of the kind has is fixed.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "isoflop/sim/calibrate/cross_validation.h"
#include "isoflop/sim/machine/cpu_work.h"

namespace isoflop::sim {

struct CpuConstants {  ///< Constants of one kind of work.
  double t_call = 0, t_row = 0, t_item = 0, t_pack = 0;  ///< seconds; 0 where the kind has no such term
  double e_f = 1, e_b = 1;
};

/// Never below light_seconds().
double cpu_seconds(const CpuWork& work, const LimitValues& limits, const CpuConstants& constants);

struct MeasuredWork {  ///< One probe with its time.
  CpuWork work;
  std::string group;    ///< works of one probe program share their errors
  double seconds = 0;
};

struct CpuOpFit {  ///< Constants of a kind after the fit, with errors on probes left out.
  CpuConstants constants;
  std::vector<FittedConstant> fitted;     ///< what the rows determine, with standard errors
  RatioInterval interval;                 ///< 90 %, measured over predicted, from probes left out
  double in_sample_mape = 0, cross_validated_mape = 0;  ///< percent
  std::size_t rows = 0, groups = 0;
};

/// One fit per kind. Kinds with fewer rows than constants are fitted with fewer terms, never left out.
std::map<std::string, CpuOpFit> fit_cpu_ops(std::span<const MeasuredWork> measured, const LimitValues& limits,
                                            std::uint64_t seed, int threads);

}  // namespace isoflop::sim
