// What one device has to do in a training step: arithmetic, bytes, messages, as counts over the op list. No speed is
// known here, so that a calibration prices the same work many times.
#pragma once
#include <string>
#include <vector>

#include "isoflop/model/parameters.h"
#include "isoflop/model/program.h"
#include "isoflop/sim/training/training_run.h"

namespace isoflop::sim {

/// A matrix product in all its passes (forward, both backward products, recomputation), of one micro-batch.
struct GemmWork {
  std::string name;
  double flops = 0;
  double bytes = 0;        ///< every operand once
  double breadth = 0;      ///< rows times the smaller of the two widths: how much there is to fill a device with
  bool low_precision = false;
  bool grouped = false;    ///< experts
  bool dense_branch = false;  ///< of a layer in which experts run beside attention and a dense MLP
};

enum class CommKind { Tensor, Expert, Pipeline, Context, Gradients, Weights };  ///< Why a message is sent.

struct CommWork {  ///< Messages of one kind.
  CommKind kind;
  double bytes = 0;             ///< per device, on its slowest link
  double bandwidth_bytes_per_s = 0;  ///< nominal, of that link
  bool crosses_nodes = false;
  double calls = 0;
};

struct TrainingWork {
  // Of one micro-batch on the slowest pipeline stage.
  std::vector<GemmWork> gemms;
  double attention_flops = 0;
  double element_bytes = 0;
  double operations = 0;            ///< kernels started
  double expert_operations = 0;     ///< of these, products of single experts in a group
  std::vector<CommWork> per_micro_batch;
  // Of a step.
  double micro_batches = 1;
  double bubble_micro_batches = 0;  ///< (p - 1) / v
  std::vector<CommWork> per_step;   ///< gradients and, with ZeRO-1 and 2, updated weights; hidden behind compute
  double optimizer_bytes = 0;
  double host_bytes = 0;            ///< optimiser on the host: what crosses PCIe and host memory
  double nodes = 1;
  // Of all devices.
  double tokens = 0;
  double model_flops = 0;      ///< 3 x forward matrix products, causal pairs
  double hardware_flops = 0;   ///< with recomputation and flash attention's own
};

/// What depends on the model and the micro-batch only: a search over layouts makes it once for each micro-batch.
struct ListedModel {
  Program program;  ///< of one micro-batch, identical layers once
  ParameterCount parameters;
};
ListedModel list_model(const TrainingRun& run);

TrainingWork training_work(const TrainingRun& run);
TrainingWork training_work(const TrainingRun& run, const ListedModel& model);

/// Dense and expert parameters on the device that holds most of them.
struct DeviceParameters {
  double dense = 0, expert = 0;
};
DeviceParameters device_parameters(const TrainingRun& run);
DeviceParameters device_parameters(const TrainingRun& run, const ParameterCount& count);

/// Layers of the fullest pipeline stage, and whether it also has the head.
struct SlowestStage {
  double layers = 0;
  bool head = false;
};
SlowestStage slowest_stage(const TrainingRun& run, double layer_cost, double head_cost);

}  // namespace isoflop::sim
