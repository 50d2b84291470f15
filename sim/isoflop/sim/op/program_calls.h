// The op list of a model as kernel calls of one device, and their prices: where the time of a pass goes, what bounds
// it, and what it would gain from faster hardware.
//
// One call per operation; routed experts (sorting, both products, activation, weighted sum) are one fused call, as they
// are measured. Tensor parallelism splits products, heads and experts' widths, and adds the all-reduce after each
// product split by rows; expert parallelism deals experts out and adds two all-to-all per mixture. Calls follow one
// another; a simulator that overlaps communication does so on top of this list.
#pragma once
#include <string>
#include <vector>

#include "isoflop/model/program.h"
#include "isoflop/report/report.h"
#include "isoflop/sim/op/op_time.h"

namespace isoflop::sim {

struct ProgramFormats {  ///< Formats and parallel sizes of a model on its devices.
  KernelFormat products = KernelFormat::Bf16;  ///< of attention projections and MLPs
  KernelFormat experts = KernelFormat::Bf16;
  KernelFormat head = KernelFormat::Bf16;      ///< the output head mostly stays in 16 bits
  double kv_bytes_per_element = 2;
  std::int64_t tensor_parallel = 1;
  std::int64_t expert_parallel = 1;
  double devices_per_node = 8;
};

struct ProgramCall {  ///< One kernel call, for all identical layers.
  std::string name;
  int layer = -1;
  double times = 1;   ///< identical layers
  OpShape shape;
};

/// Throws Error (Usage) when heads or widths do not divide by the parallel sizes.
std::vector<ProgramCall> program_calls(const Program& program, const ProgramFormats& formats);

struct PricedCall {  ///< A call with its time.
  ProgramCall call;
  OpTime time;        ///< of one
};

struct ProgramTime {  ///< A pass with its calls, range and floor.
  std::vector<PricedCall> calls;
  double seconds = 0;
  /// 90 %: errors of one kind of call are common to all its calls, those of different kinds are independent; they add
  /// up as ln-widths weighted by each kind's share of the time.
  double low_s = 0, high_s = 0;
  double floor_s = 0;                 ///< speed of light of every call
  double bound_s[4] = {0, 0, 0, 0};   ///< by Bound
};

/// Sums up the calls, one after the other.
ProgramTime price_program(const std::vector<ProgramCall>& calls, const OpTimer& timer);

/// d ln(time) / d ln(property) for memory bandwidth, arithmetic peak and links, by central differences of 1 %.
struct Sensitivity {
  std::string property;
  double elasticity = 0;
};
std::vector<Sensitivity> sensitivities(const std::vector<ProgramCall>& calls, const Accelerator& accelerator,
                                       const OpProfile& profile);

/// For --explain: kinds of call with their share, time, bound, utilisation and basis; largest first.
ReportTable program_time_table(const ProgramTime& time);

}  // namespace isoflop::sim
