#include "isoflop/sim/kernel/execution.h"

#include <fmt/format.h>

#include "isoflop/error.h"
#include "isoflop/sim/kernel/execution_passes.h"
#include "isoflop/sim/kernel/execution_state.h"

namespace isoflop::sim {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw Error(Fault::BadInput, name + ": the kernel does not execute " + what + "; it is priced by the simulator only");
}

}  // namespace

void check_executable(const Architecture& architecture) {
  for (const Layer& layer : architecture.layers) {
    if (layer.attention.latent) refuse(architecture.name, "latent attention");
    if (layer.attention.query_experts) refuse(architecture.name, "query experts");
    if (layer.attention.alibi) refuse(architecture.name, "ALiBi");
    if ((layer.mlp && layer.mlp->activation == Activation::Xielu) || (layer.experts && layer.experts->expert.activation == Activation::Xielu))
      refuse(architecture.name, "xIELU");
  }
  if (!architecture.prediction_layers.empty()) refuse(architecture.name, "multi-token prediction layers");
}

Execution::Execution(Program program, const WeightLayout& layout, Precision precision)
    : state_(std::make_unique<State>(std::move(program), layout, precision)) {}
Execution::~Execution() = default;
Execution::Execution(Execution&&) noexcept = default;

double Execution::forward(const float* weights, const PackedWeights& packed, const std::int32_t* ids, const std::int32_t* targets) {
  state_->weights = weights;
  state_->packed = &packed;
  state_->ids = ids;
  state_->targets = targets;
  state_->loss = 0;
  run_forward(*state_);
  return state_->loss;
}

void Execution::backward(const float* weights, const PackedWeights& packed, float loss_factor, float* gradients) {
  state_->weights = weights;
  state_->packed = &packed;
  state_->gradients = gradients;
  run_backward(*state_, loss_factor);
}

View Execution::logits() const { return state_->view(state_->logits_tensor); }
const Program& Execution::program() const { return state_->program; }

std::size_t Execution::activation_bytes() const {
  std::size_t bytes = 0;
  for (const auto& buffer : state_->buffers) bytes += buffer.values.size() * sizeof(float);
  for (const auto& [size, values] : state_->spare) bytes += values.size() * sizeof(float);
  return bytes;
}

}  // namespace isoflop::sim
