#include "isoflop/sim/kernel/execution.h"

#include <map>
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
    if (layer.attention.query_experts) refuse(architecture.name, "query experts");
    if ((layer.mlp && layer.mlp->activation == Activation::Xielu) ||
        (layer.experts && layer.experts->expert.activation == Activation::Xielu))
      refuse(architecture.name, "xIELU");
  }
  if (!architecture.prediction_layers.empty()) refuse(architecture.name, "multi-token prediction layers");
}

std::set<std::string> weights_of_one_product(const Program& program) {
  std::map<std::string, int> uses;
  std::set<std::string> multiplied;
  for (const Op& op : program.ops)
    for (std::size_t i = 0; i < op.weights.size(); ++i) {
      const std::string& name = program.tensors[static_cast<std::size_t>(op.weights[i])].name;
      ++uses[name];
      if (i == 0 && std::holds_alternative<MatMul>(op.detail)) multiplied.insert(name);
    }
  std::erase_if(multiplied, [&](const std::string& name) { return uses.at(name) > 1; });
  return multiplied;
}

Execution::Execution(Program program, const WeightLayout& layout, Precision precision)
    : state_(std::make_unique<State>(std::move(program), layout, precision)) {}
Execution::~Execution() = default;
Execution::Execution(Execution&&) noexcept = default;

double Execution::forward(const float* weights, const PackedWeights& packed, const std::int32_t* ids,
                          const std::int32_t* targets) {
  state_->weights = weights;
  state_->packed = &packed;
  state_->ids = ids;
  state_->targets = targets;
  state_->loss = 0;
  run_forward(*state_);
  return state_->loss;
}

void Execution::backward(const float* weights, const PackedWeights& packed, float loss_factor, float* gradients,
                         bool first) {
  state_->weights = weights;
  state_->packed = &packed;
  state_->gradients = gradients;
  run_backward(*state_, loss_factor, first);
}

void Execution::read_streamed(const StreamedWeights& streamed, Crew& crew) {
  state_->streamed = &streamed;
  state_->use(crew);
}

void Execution::set_context(std::size_t tokens) {
  for (const Segment& s : state_->program.step.segments)
    if (static_cast<std::int64_t>(tokens) > s.context)
      throw Error(Fault::Usage, fmt::format("{} cached tokens do not fit the {} that this execution was made for",
                                            tokens, s.context));
  state_->context = tokens;
}

void Execution::take_caches(const Execution& other, std::size_t tokens) {
  const auto caches = [](const Program& program) {
    std::vector<int> tensors;
    for (const Op& op : program.ops)
      if (std::holds_alternative<CacheWrite>(op.detail))
        tensors.insert(tensors.end(), op.outputs.begin(), op.outputs.end());
    return tensors;
  };
  const auto from = caches(other.state_->program), to = caches(state_->program);
  const auto theirs = sequences_of(*other.state_), ours = sequences_of(*state_);
  if (from.size() != to.size() || theirs.size() != ours.size())
    throw Error(Fault::Usage, "caches of another model or batch");
  for (std::size_t c = 0; c < to.size(); ++c) {
    const View source = other.state_->view(from[c]), target = state_->view(to[c]);
    for (std::size_t s = 0; s < ours.size(); ++s)
      for (std::size_t i = 0; i < tokens; ++i)
        std::copy_n(source.row(theirs[s].first_cached + i), source.width, target.row(ours[s].first_cached + i));
  }
}

void Execution::share(Crew& crew) { state_->use(crew); }

void Execution::record_times(OpSeconds* seconds) {
  state_->seconds = seconds;
  if (!seconds) return;
  for (auto* part : {&seconds->forward, &seconds->backward, &seconds->weight_gradient})
    part->resize(state_->program.ops.size());
}

View Execution::logits() const { return state_->view(state_->logits_tensor); }
const Program& Execution::program() const { return state_->program; }

std::size_t Execution::activation_bytes() const {
  std::size_t bytes = state_->activations.size() * sizeof(float);
  for (const auto& [size, values] : state_->spare) bytes += values.size() * sizeof(float);
  return bytes;
}

}  // namespace isoflop::sim
