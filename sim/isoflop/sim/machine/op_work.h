// The op list of a model as works of the built-in kernel: what its execution of each op asks of this CPU, forward and
// backward, with the tiles, panels and blocks that the kernel really uses. Counts only; no constant of any machine.
#pragma once
#include <string>
#include <vector>

#include "isoflop/model/program.h"
#include "isoflop/sim/kernel/streamed_matrix.h"
#include "isoflop/sim/machine/cpu_work.h"

namespace isoflop::sim {

/// How a program is executed: the matrices in `precision`, or read as stored in `streamed` (decode steps).
struct ExecutionStyle {
  Precision precision = Precision::Fp32;
  bool decode = false;
  WeightFormat format = WeightFormat::Fp32;
};

/// Which pass of an op is meant.
enum class WorkPass { Forward, Backward, WeightGradient };  ///< Backward without the gradients of matrices

/// Kinds: "product PRECISION", "product of activations PRECISION", "stream FORMAT", "attention PRECISION", "norm",
/// "add", ... with " backward" where that is another loop. Empty for what takes no time of its own.
std::vector<CpuWork> works_of(const Op& op, WorkPass pass, const ExecutionStyle& style);

/// The work of a training step beside the passes: `weights` parameters, `cleared` of them with gradients that are
/// cleared before, `matrix_elements` of them in matrices of products, `shards` copies of gradients. Kinds: "clear",
/// "add gradients", "gradient norm", "update", "pack PRECISION". Works `per_shard` are done once for each shard beside
/// its passes, the others once, split over all threads.
struct StepWork {
  CpuWork work;
  bool per_shard = false;
};
std::vector<StepWork> step_works(double weights, double cleared, double matrix_elements, double shards,
                                 Precision precision);

/// Elements in matrices that are packed for products, and in all weights.
double matrix_elements(const Program& program);
double weight_elements(const Program& program);
/// Elements whose gradients are cleared before a step: all but those of weights_of_one_product().
double cleared_elements(const Program& program);

std::string precision_name(Precision precision);  ///< "fp32", "bf16".

}  // namespace isoflop::sim
