#include "isoflop/sim/training/training_memory.h"

#include <algorithm>
#include <cmath>

#include "isoflop/model/op_cost.h"
#include "isoflop/sim/training/training_work.h"

namespace isoflop::sim {
namespace {

constexpr double activation_bytes = 2;
// What PyTorch's caching allocator holds besides live tensors, as a share of what comes and goes, while there is room
// for it. With batches of uneven length published pairs of reserved and allocated peaks give 0.10, 0.30, 0.35, 0.43,
// 0.56, 1.2 and 1.3 of it (meta-llama/llama-cookbook pull requests 41 and 165, teaching-on-testbeds/llm-chi); blocks of
// batches of one length fit again: assumed.
constexpr double cached_share = 0.1, uneven_cached_share = 0.4;
// Driver context, libraries, kernels and their workspaces in a PyTorch process: what ai-dynamo/aiconfigurator@095f58a
// counts for engines.
constexpr double process_context_bytes = 3.5e9;
// A softmax's output; with dropout its mask and the output after it (arXiv:2205.05198, section 4).
constexpr double score_bytes = 2, dropped_score_bytes = 5;
constexpr double score_gradient_bytes = 4;
// Norms in plain PyTorch: a 32-bit copy of the input and the normalised value in 16 bits. Gated activations: the
// activated gate beside gate, other factor and product. GELU by its tanh formula, under autocast: cube, tanh and the
// bracket around it in 32 bits.
constexpr double unfused_norm_bytes = 6, unfused_gate_bytes = 2, unfused_gelu_bytes = 12;
constexpr double loss_chunks = 8;  // assumed
// DeepSpeed's defaults of stage3_max_live_parameters, gathered at once, and sub_group_size, updated at once.
constexpr double live_parameters = 1e9;

double loss_bytes(LossKind loss, const FrameworkMemory& framework) {
  switch (loss) {
    case LossKind::Fp32: return framework.logit_bytes;
    case LossKind::Fp32InPlace:
    case LossKind::SixteenBit: return 6;
    case LossKind::Fp32Shifted: return 16;
    case LossKind::SixteenBitShifted: return 8;
    case LossKind::Chunked: return 2 + (framework.logit_bytes - 2) / loss_chunks;
    case LossKind::InPlace: return 2;
  }
  return framework.logit_bytes;
}

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

// With experts spread over devices, the one that holds the most popular gets more rows than it brought tokens: how many
// times as many, for each tensor.
std::vector<double> crowding(const Program& program, const TrainingRun& run) {
  std::vector<double> times(program.tensors.size(), 1);
  if (run.layout.expert <= 1) return times;
  double imbalance = 1;
  for (const Op& op : program.ops) {
    if (!is_layer(op) || op.part != Part::Expert) continue;
    if (const auto* g = std::get_if<GroupedMatMul>(&op.detail)) {
      imbalance = expert_group_imbalance(g->experts, g->per_token, run.layout.expert, run.routing);
      times[static_cast<std::size_t>(op.inputs.front())] = imbalance;
      if (g->split == Split::Rows) continue;  // results go back to where the tokens came from
    } else if (!std::holds_alternative<Activate>(op.detail)) {
      continue;
    }
    for (const int out : op.outputs) times[static_cast<std::size_t>(out)] = imbalance;
  }
  return times;
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
  const std::vector<double> crowded = crowding(program, run);
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
          alive += crowded[static_cast<std::size_t>(index)] * static_cast<double>(tensor.elements()) *
                   activation_bytes / y /
                   (split[static_cast<std::size_t>(index)] || l.sequence_parallel ? t : 1);
      }
    result.transient = std::max(result.transient, alive);
  }
  std::vector<bool> cheap(program.tensors.size(), false);
  if (l.recompute == Recompute::Elementwise)
    for (const Op& op : program.ops)
      if (std::holds_alternative<Normalise>(op.detail) || std::holds_alternative<Activate>(op.detail))
        for (const int out : op.outputs) cheap[static_cast<std::size_t>(out)] = true;
  for (std::size_t index = 0; index < kept.size(); ++index) {
    const Kept& k = kept[index];
    if (k.times == 0 || cheap[index]) continue;
    const Tensor& tensor = program.tensors[index];
    const double each = tensor.kind == TensorKind::Activation ? (k.only_quantised ? 1 : activation_bytes) : 4;
    const double share = split[index] || l.sequence_parallel ? t : 1;
    result.saved +=
        crowded[index] * static_cast<double>(tensor.elements()) * static_cast<double>(k.times) * each / share / y;
  }
  const TrainingProgram& p = run.program;
  const double tokens = static_cast<double>(program.step.tokens()) / y;
  double scores = 0;  // of all layers, elements
  for (const Op& op : program.ops) {
    if (!is_layer(op)) continue;
    const double times = static_cast<double>(op.times), rows_share = y * (l.sequence_parallel ? t : 1);
    if (const auto* a = std::get_if<AttentionCore>(&op.detail); a && !p.flash_attention)
      scores += times * static_cast<double>(a->heads) / t * tokens * static_cast<double>(run.sequence_length);
    if (p.fused_elementwise || l.recompute == Recompute::Elementwise) continue;
    if (const auto* n = std::get_if<Normalise>(&op.detail))
      result.saved += unfused_norm_bytes * times * static_cast<double>(n->rows * n->groups * n->width) / rows_share;
    if (const auto* a = std::get_if<Activate>(&op.detail))
      result.saved += (a->gated ? unfused_gate_bytes : unfused_gelu_bytes) * times *
                      static_cast<double>(a->rows * a->width) / y / t;
  }
  const double layers = static_cast<double>(run.architecture.layers.size());
  const double score = p.dropout ? dropped_score_bytes : score_bytes;
  // Selective recomputation rebuilds the scores of a layer when it needs them.
  if (l.recompute != Recompute::Selective) result.saved += score * scores;
  result.saved /= layers;
  if (p.dropout)
    result.saved += 2 * tokens * static_cast<double>(run.architecture.width) / (l.sequence_parallel ? t : 1);
  result.transient +=
      (score_gradient_bytes + (l.recompute == Recompute::Selective ? score : 0)) * scores / layers;
  result.input =
      tokens * static_cast<double>(run.architecture.width) * activation_bytes / (l.sequence_parallel ? t : 1);
  result.logits = tokens * static_cast<double>(run.architecture.vocabulary) / t * loss_bytes(p.loss, framework);
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
    const bool full = l_.recompute == Recompute::Full;
    const double all = in_flight_ * layers_ * (full ? layer_.input : layer_.saved);
    MemoryMoment running = base_;
    running.other += cast_;
    MemoryMoment forward_end = running;
    forward_end.when = "end of the forward pass";
    forward_end.activations = all + layer_.transient;
    forward_end.passing = gathered_weights(2);
    std::vector<MemoryMoment> result = {base_, forward_end};
    if (head_) {
      MemoryMoment loss = running;
      loss.when = "loss";
      loss.activations = all;
      loss.logits = layer_.logits;
      loss.passing = gathered_weights(1);
      result.push_back(loss);
    }
    MemoryMoment backward = running;
    backward.when = "backward pass of the last layer";
    backward.activations = all + layer_.transient + (full ? layer_.saved : 0);
    backward.gradients += applied_;
    backward.passing = gathered_weights(2) + gathered_gradient();
    result.push_back(backward);
    if (final_gradients_ > base_.gradients) {
      MemoryMoment end = running;
      end.when = "end of the backward pass";
      end.gradients = final_gradients_;
      end.activations = layer_.transient + layer_.saved;
      end.passing = gathered_weights(2) + gathered_gradient();
      result.push_back(end);
    }
    MemoryMoment update = base_;
    update.when = "optimiser step";
    update.gradients = final_gradients_;
    update.other += update_;
    result.push_back(update);
    // Blocks that an allocator keeps stay with it for the rest of the step.
    double passing = 0;
    for (const MemoryMoment& moment : result)
      passing = std::max(passing, moment.activations + moment.logits + moment.passing);
    for (MemoryMoment& moment : result) moment.other += moment.passing + framework_.fragmentation * passing;
    return result;
  }

 private:
  void states() {
    const TrainingProgram& p = run_.program;
    const bool one = l_.sharding == Sharding::Zero1 || l_.sharding == Sharding::Zero2 || l_.sharding == Sharding::Zero3;
    const bool two = l_.sharding == Sharding::Zero2 || l_.sharding == Sharding::Zero3;
    const bool three = l_.sharding == Sharding::Zero3;
    const auto add = [&](double parameters, double copies) {
      const double owned = parameters / (one ? copies : 1);
      // With ZeRO-3 a master copy is the weight, and 16-bit copies exist only while a layer runs.
      const double shard = l_.cpu_optimizer || p.master_bytes() == 0 ? p.weight_bytes() : p.master_bytes();
      base_.weights += three ? shard * owned : p.weight_bytes() * parameters;
      if (three && p.sixteen_bit_shards && p.master_bytes() > 0 && !l_.cpu_optimizer)
        base_.weights += p.weight_bytes() * owned;
      if (!l_.cpu_optimizer)
        base_.optimizer += (p.moment_bytes() + (three ? 0 : p.master_bytes())) * owned;
      if (!three) cast_ += p.cast_bytes() * parameters;
      final_gradients_ += run_.gradient_bytes * parameters / (two ? copies : 1);
      const double at_once = p.sixteen_bit_shards ? std::min(owned, live_parameters) : owned;
      update_ += l_.cpu_optimizer ? 0 : p.update_bytes * at_once;
    };
    add(parameters_.dense, static_cast<double>(l_.replicas()));
    add(parameters_.expert, static_cast<double>(l_.expert_replicas()));
    if (p.gradients_applied) {
      // The largest piece that is alive at once: a layer, or a table of the vocabulary.
      const double tables = run_.architecture.tied_embeddings || l_.pipeline > 1 ? 1 : 2;
      applied_ = run_.gradient_bytes * std::max(per_layer(), outside() / tables);
      final_gradients_ = 0;
    } else if (p.gradients_kept || run_.micro_batches() > 1) {
      base_.gradients = final_gradients_;
    }
    // PyTorch's distributed data parallel copies gradients into buckets that it keeps.
    if (!p.gradients_kept && !p.gradients_applied && !one && l_.replicas() > 1) {
      base_.gradients += final_gradients_;
      final_gradients_ += final_gradients_;
    }
    base_.when = "between steps";
    double groups = 0;
    for (const std::int64_t size : {l_.data, l_.tensor, l_.pipeline, l_.context, l_.expert}) groups += size > 1 ? 1 : 0;
    base_.other = framework_.context_bytes + groups * framework_.communicator_bytes;
  }

  // ZeRO-3 gathers a layer ahead of its use; embedding and head stay gathered while the model runs.
  double gathered_weights(double layers) const {
    if (l_.sharding != Sharding::Zero3) return 0;
    const double two_layers = layers * per_layer() + outside();
    if (run_.program.gathers_ahead) return (parameters_.dense + parameters_.expert) * activation_bytes;
    if (!run_.program.sixteen_bit_shards) return two_layers * activation_bytes;
    return std::max(two_layers, std::min(live_parameters, parameters_.dense + parameters_.expert)) * activation_bytes;
  }
  // A layer's gradient in 16 bits and in the format it is summed in; those of embedding and head wait for the end.
  double gathered_gradient() const {
    if (l_.sharding != Sharding::Zero3) return 0;
    return per_layer() * (activation_bytes + run_.gradient_bytes) + outside() * activation_bytes;
  }
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
  double cast_ = 0, final_gradients_ = 0, applied_ = 0, update_ = 0;
  bool head_ = true;
};

}  // namespace

FrameworkMemory framework_memory(MemoryCount count, AllocatorKind allocator) {
  FrameworkMemory framework;
  if (count == MemoryCount::Needed) return framework;
  const bool caches = count != MemoryCount::Allocated && allocator != AllocatorKind::Static;
  framework.fragmentation =
      !caches ? 0 : allocator == AllocatorKind::CachingUneven ? uneven_cached_share : cached_share;
  if (count != MemoryCount::Process) framework.context_bytes = framework.communicator_bytes = 0;
  else if (allocator != AllocatorKind::Static) framework.context_bytes = process_context_bytes;
  return framework;
}

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
