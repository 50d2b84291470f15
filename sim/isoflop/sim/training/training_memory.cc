#include "isoflop/sim/training/training_memory.h"

#include <algorithm>
#include <cmath>

#include "isoflop/model/op_cost.h"
#include "isoflop/sim/training/training_work.h"

namespace isoflop::sim {
namespace {

constexpr double activation_bytes = 2;

bool is_layer(const Op& op) { return op.layer >= 0 && op.part != Part::Prediction; }

// Whether tensor parallelism cuts the outputs along their width.
bool outputs_are_split(const Op& op, const Layout& l) {
  if (const auto* m = std::get_if<MatMul>(&op.detail))
    return m->split == Split::Columns || m->split == Split::Vocabulary;
  if (const auto* g = std::get_if<GroupedMatMul>(&op.detail))
    return g->split == Split::Columns && l.expert_tensor() > 1;
  return std::holds_alternative<AttentionCore>(op.detail) || std::holds_alternative<Rotate>(op.detail) ||
         std::holds_alternative<Activate>(op.detail);
}

struct LayerMemory {
  double saved = 0;      ///< per layer and micro-batch
  double transient = 0;  ///< largest gradients alive at once inside a layer
  double input = 0;      ///< what full recomputation keeps
  double logits = 0;     ///< with loss
};

LayerMemory layer_memory(const TrainingRun& run, const FrameworkMemory& framework, const Program& program) {
  const Layout& l = run.layout;
  const double t = static_cast<double>(l.tensor), y = static_cast<double>(l.context);
  const bool quantised = is_low_precision(run.precision);

  std::vector<bool> split(program.tensors.size(), false);
  for (const Op& op : program.ops)
    for (const int out : op.outputs) split[static_cast<std::size_t>(out)] = outputs_are_split(op, l);
  // A tensor is saved once; in one byte where only quantised products read it again.
  struct Kept {
    bool only_quantised = true;
    std::int64_t times = 0;  ///< layers that read it: a layer's input is the output of one like it
  };
  std::vector<Kept> kept(program.tensors.size());
  LayerMemory result;
  for (const Op& op : program.ops) {
    if (!is_layer(op)) continue;
    const bool product = std::holds_alternative<MatMul>(op.detail) || std::holds_alternative<GroupedMatMul>(op.detail);
    for (const int index : op.saved) {
      Kept& k = kept[static_cast<std::size_t>(index)];
      k.only_quantised = k.only_quantised && product && quantised;
      k.times = std::max(k.times, op.times);
    }
    double alive = 0;
    for (const auto& list : {op.inputs, op.outputs})
      for (const int index : list) {
        const Tensor& tensor = program.tensors[static_cast<std::size_t>(index)];
        if (tensor.kind == TensorKind::Activation)
          alive += static_cast<double>(tensor.elements()) * activation_bytes / y /
                   (split[static_cast<std::size_t>(index)] || l.sequence_parallel ? t : 1);
      }
    result.transient = std::max(result.transient, alive);
  }
  std::vector<bool> cheap(program.tensors.size(), false);
  if (l.recompute == Recompute::Selective)
    for (const Op& op : program.ops)
      if (std::holds_alternative<Normalise>(op.detail) || std::holds_alternative<Activate>(op.detail))
        for (const int out : op.outputs) cheap[static_cast<std::size_t>(out)] = true;
  for (std::size_t index = 0; index < kept.size(); ++index) {
    const Kept& k = kept[index];
    if (k.times == 0 || cheap[index]) continue;
    const Tensor& tensor = program.tensors[index];
    const double each = tensor.kind == TensorKind::Activation ? (k.only_quantised ? 1 : activation_bytes) : 4;
    const double share = split[index] || l.sequence_parallel ? t : 1;
    result.saved += static_cast<double>(tensor.elements()) * static_cast<double>(k.times) * each / share / y;
  }
  const double layers = static_cast<double>(run.architecture.layers.size());
  result.saved /= layers;
  const double tokens = static_cast<double>(program.step.tokens()) / y;
  result.input =
      tokens * static_cast<double>(run.architecture.width) * activation_bytes / (l.sequence_parallel ? t : 1);
  result.logits = tokens * static_cast<double>(run.architecture.vocabulary) / t * framework.logit_bytes;
  return result;
}

class StageTimeline {
 public:
  StageTimeline(const TrainingRun& run, const FrameworkMemory& framework, const LayerMemory& layer,
                const DeviceParameters& held, bool first)
      : run_(run), l_(run.layout), framework_(framework), layer_(layer), parameters_(held) {
    const double p = static_cast<double>(l_.pipeline), v = static_cast<double>(l_.interleave);
    const double m = std::max(1.0, run.micro_batches());
    const double layers = static_cast<double>(run.architecture.layers.size());
    layers_ = l_.pipeline == 1 ? layers : std::ceil(layers / p);
    head_ = !first || l_.pipeline == 1;
    double in_flight = l_.pipeline == 1 || !first ? 1 : p;
    if (v > 1) in_flight = first ? p * (1 + (p - 1) / (p * v)) : 1 + (p - 1) / (p * v) * (p - 1) / p;
    in_flight_ = std::min(in_flight, m);
    states();
  }

  std::vector<MemoryMoment> moments() {
    const double kept = l_.recompute == Recompute::Full ? layer_.input : layer_.saved;
    const double all = in_flight_ * layers_ * kept;
    MemoryMoment forward_end = base_;
    forward_end.when = "end of the forward pass";
    forward_end.activations = all + layer_.transient;
    forward_end.other += gathered_weights(2);
    std::vector<MemoryMoment> result = {base_, forward_end};
    if (head_) {
      MemoryMoment loss = base_;
      loss.when = "loss";
      loss.activations = all;
      loss.logits = layer_.logits;
      loss.other += gathered_weights(1);
      result.push_back(loss);
    }
    MemoryMoment backward = base_;
    backward.when = "backward pass of the last layer";
    backward.activations = all + layer_.transient + (l_.recompute == Recompute::Full ? layer_.saved : 0);
    backward.other += gathered_weights(2) + gathered_gradient();
    result.push_back(backward);
    MemoryMoment update = base_;
    update.when = "optimiser step";
    result.push_back(update);
    for (MemoryMoment& moment : result)
      moment.other += framework_.fragmentation * (moment.activations + moment.logits);
    return result;
  }

 private:
  void states() {
    const auto add = [&](double parameters, double copies) {
      const bool one =
          l_.sharding == Sharding::Zero1 || l_.sharding == Sharding::Zero2 || l_.sharding == Sharding::Zero3;
      const bool two = l_.sharding == Sharding::Zero2 || l_.sharding == Sharding::Zero3;
      const bool three = l_.sharding == Sharding::Zero3;
      // With ZeRO-3 the fp32 master weights are the weights, and 16-bit copies exist only while a layer runs.
      const double master = l_.cpu_optimizer ? (three ? 2 : 0) : 4;
      base_.weights += three ? master * parameters / copies : 2 * parameters;
      base_.gradients += run_.gradient_bytes * parameters / (two ? copies : 1);
      if (!l_.cpu_optimizer) base_.optimizer += (three ? 8 : 12) * parameters / (one ? copies : 1);
    };
    add(parameters_.dense, static_cast<double>(l_.replicas()));
    add(parameters_.expert, static_cast<double>(l_.expert_replicas()));
    base_.when = "between steps";
    double groups = 0;
    for (const std::int64_t size : {l_.data, l_.tensor, l_.pipeline, l_.context, l_.expert}) groups += size > 1 ? 1 : 0;
    base_.other = framework_.context_bytes + groups * framework_.communicator_bytes;
  }

  // ZeRO-3 gathers a layer ahead of its use; embedding and head stay gathered while the model runs.
  double gathered_weights(double layers) const {
    if (l_.sharding != Sharding::Zero3) return 0;
    return (layers * per_layer() + outside()) * activation_bytes;
  }
  double gathered_gradient() const { return l_.sharding == Sharding::Zero3 ? per_layer() * run_.gradient_bytes : 0; }
  double per_layer() const { return (parameters_.dense - outside() + parameters_.expert) / layers_; }
  double outside() const {
    const double rows =
        static_cast<double>(run_.architecture.vocabulary) * static_cast<double>(run_.architecture.width);
    return rows * (run_.architecture.tied_embeddings || l_.pipeline > 1 ? 1 : 2) / static_cast<double>(l_.tensor);
  }

  const TrainingRun& run_;
  const Layout& l_;
  const FrameworkMemory& framework_;
  const LayerMemory& layer_;
  DeviceParameters parameters_;
  MemoryMoment base_;
  double layers_ = 0, in_flight_ = 1;
  bool head_ = true;
};

}  // namespace

double saved_bytes_per_layer(const TrainingRun& run) { return layer_memory(run, {}, list_model(run).program).saved; }

TrainingMemory training_memory(const TrainingRun& run, const FrameworkMemory& framework) {
  return training_memory(run, framework, list_model(run));
}

TrainingMemory training_memory(const TrainingRun& run, const FrameworkMemory& framework, const ListedModel& model) {
  const LayerMemory layer = layer_memory(run, framework, model.program);
  const DeviceParameters held = device_parameters(run, model.parameters);
  TrainingMemory best;
  for (const bool first : {true, false}) {
    if (!first && run.layout.pipeline == 1) continue;
    TrainingMemory memory;
    memory.timeline = StageTimeline(run, framework, layer, held, first).moments();
    memory.peak = *std::max_element(memory.timeline.begin(), memory.timeline.end(),
                                    [](const MemoryMoment& a, const MemoryMoment& b) { return a.total() < b.total(); });
    if (run.layout.pipeline > 1) memory.peak.when += first ? ", first pipeline stage" : ", last pipeline stage";
    if (memory.peak.total() > best.peak.total()) best = std::move(memory);
  }
  return best;
}

}  // namespace isoflop::sim
