// Memory of one device over a training step, as a timeline: its peak is what must fit.
//
// States, bytes per parameter with mixed precision: 16-bit weight 2, gradient 2 or 4, fp32 master weight and Adam's two
// moments 12; ZeRO-1 divides the 12 by the replicas, ZeRO-2 the gradient too, ZeRO-3 everything and needs no second
// weight (arXiv:1910.02054). Other programs: training_program.h. Activations are what the operations save for the
// backward pass (flash attention: no score matrix; without it 2 bytes per score, 5 with dropout, arXiv:2205.05198),
// divided over tensor, sequence and context parallel; a stage of a 1F1B pipeline holds min(m, p - stage) micro-batches
// of them, interleaving (1 + (p - 1)/(p v)) times as many on the first (Narayanan et al. 2021). Full recomputation
// keeps the inputs of layers and rebuilds one layer at a time; selective recomputation rebuilds the attention core,
// which frees the stored scores and, with flash attention, nothing; elementwise does without the outputs of norms and
// activation functions. Logits and loss take about 10 bytes per token and vocabulary row.
#pragma once
#include <string>
#include <vector>

#include "isoflop/sim/training/training_run.h"
#include "isoflop/sim/training/training_work.h"

namespace isoflop::sim {

/// What the program cannot derive from the model (assumed, see the source file).
struct FrameworkMemory {
  double context_bytes = 0.6e9;        ///< driver context and libraries' workspaces
  double communicator_bytes = 0.5e9;   ///< buffers of each parallel group in use
  double fragmentation = 0.04;         ///< of what comes and goes, what the allocator holds but does not use
  double logit_bytes = 10;             ///< per token and vocabulary row with loss; a fused loss needs 6
};

/// The constants by which a figure of that kind is predicted; Needed is the default above.
FrameworkMemory framework_memory(MemoryCount count, AllocatorKind allocator = AllocatorKind::Caching);

struct MemoryMoment {  ///< What a device holds at one moment, bytes.
  std::string when;  ///< "loss of the last stage"
  double weights = 0, gradients = 0, optimizer = 0, activations = 0, logits = 0, other = 0;
  double passing = 0;  ///< of the above, what comes and goes besides activations and logits: gathered weights
  double total() const { return weights + gradients + optimizer + activations + logits + other; }
};

struct TrainingMemory {
  MemoryMoment peak;
  std::vector<MemoryMoment> timeline;  ///< of the pipeline stage with the highest peak
};

TrainingMemory training_memory(const TrainingRun& run, const FrameworkMemory& framework = {});
TrainingMemory training_memory(const TrainingRun& run, const FrameworkMemory& framework, const ListedModel& model);

/// Bytes that one layer saves per micro-batch on a device, without recomputation; mean over the layers.
double saved_bytes_per_layer(const TrainingRun& run);

}  // namespace isoflop::sim
