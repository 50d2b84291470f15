#include "isoflop/sim/training/training_work.h"

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/model/op_cost.h"
#include "isoflop/model/parameters.h"

namespace isoflop::sim {
namespace {

constexpr double activation_bytes = 2;

// Kernels per operation and pass; the backward pass of a matrix product has two.
constexpr double backward_kernels_gemm = 2;

struct Passes {
  double forward, backward, scores_again, recompute;
};

class WorkOfRun {
 public:
  WorkOfRun(const TrainingRun& run, const ListedModel& model)
      : run_(run),
        l_(run.layout),
        t_(static_cast<double>(l_.tensor)),
        y_(static_cast<double>(l_.context)),
        program_(model.program),
        count_(model.parameters) {
    work_.micro_batches = std::round(run.micro_batches() * 1e6) / 1e6;
    work_.bubble_micro_batches = static_cast<double>(l_.pipeline - 1) / static_cast<double>(l_.interleave);
    work_.nodes = std::max(1.0, static_cast<double>(l_.devices()) / static_cast<double>(run.cluster.devices_per_node));
    work_.tokens = run.tokens_per_step();
    whole_model_flops();
    const double layers = static_cast<double>(run.architecture.layers.size());
    stage_ = slowest_stage(run, layer_flops_ / layers, head_flops_);
    for (const Op& op : program_.ops) add(op);
    add_layer_communication();
    add_data_parallel();
  }
  TrainingWork take() { return std::move(work_); }

 private:
  bool is_layer(const Op& op) const { return op.layer >= 0 && op.part != Part::Prediction; }

  void whole_model_flops() {
    const double micro_tokens = static_cast<double>(program_.step.tokens());
    double model = 0, extra = 0;
    for (const Op& op : program_.ops) {
      const double times = static_cast<double>(op.times), forward_flops = times * cost(op, Pass::Forward).matmul_flops;
      model += 3 * forward_flops;
      extra += times * cost(op, Pass::ScoresAgain).matmul_flops;
      if (is_layer(op)) extra += recomputed(op) * forward_flops;
      (is_layer(op) ? layer_flops_ : head_flops_) += 3 * forward_flops;
    }
    const double scale = work_.tokens / micro_tokens;
    work_.model_flops = model * scale;
    work_.hardware_flops = (model + extra) * scale;
  }

  double recomputed(const Op& op) const {
    switch (l_.recompute) {
      case Recompute::None: return 0;
      case Recompute::Selective: return std::holds_alternative<AttentionCore>(op.detail) ? 1 : 0;
      case Recompute::Elementwise:
        return std::holds_alternative<Normalise>(op.detail) || std::holds_alternative<Activate>(op.detail) ? 1 : 0;
      case Recompute::Full: return 1;
    }
    return 0;
  }

  // How often the operation runs per micro-batch on the slowest stage.
  double on_stage(const Op& op) const {
    const double times = static_cast<double>(op.times);
    if (is_layer(op)) return times * stage_.layers / static_cast<double>(run_.architecture.layers.size());
    if (op.part == Part::Embedding || op.part == Part::Position) return l_.pipeline == 1 ? times : 0;
    return stage_.head ? times : 0;
  }

  void add(const Op& op) {
    const double times = on_stage(op);
    if (times <= 0) return;
    const double again = is_layer(op) ? recomputed(op) : 0;
    if (const auto* o = std::get_if<MatMul>(&op.detail)) return add_matmul(op, *o, times, again);
    if (const auto* o = std::get_if<GroupedMatMul>(&op.detail)) return add_grouped(op, *o, times, again);
    if (const auto* o = std::get_if<AttentionCore>(&op.detail)) {
      // Heads over t, tokens over y; the causal halves are dealt so that devices have equal work.
      const PassCost f = cost(op, Pass::Forward), b = cost(op, Pass::Backward), s = cost(op, Pass::ScoresAgain);
      work_.attention_flops += times * ((1 + again) * f.matmul_flops + b.matmul_flops + s.matmul_flops) / (t_ * y_);
      work_.operations += times * (2 + again);
      if (l_.context > 1) {
        const double keys =
            static_cast<double>(o->rows()) / y_ * static_cast<double>(o->kv_heads * (o->key_dim + o->value_dim)) / t_;
        context_bytes_ += times * (3 + again) * keys * (y_ - 1) * activation_bytes;
        context_calls_ += times * (2 + again) * (y_ - 1);
      }
      return;
    }
    add_elements(op, times, again);
  }

  bool low_precision(const Op& op) const {
    if (!is_low_precision(run_.precision)) return false;
    return is_layer(op) && (op.part == Part::Attention || op.part == Part::Mlp || op.part == Part::Expert ||
                            op.part == Part::SharedExpert);
  }

  bool beside_experts(const Op& op) const {
    if (!is_layer(op) || op.part == Part::Expert || op.part == Part::Router) return false;
    return std::any_of(run_.architecture.layers.begin(), run_.architecture.layers.end(),
                       [](const Layer& layer) { return layer.wiring == Wiring::DenseHybrid; });
  }

  void push_gemm(const Op& op, double rows, double columns, double inner, double weights, double times, double again,
                 bool grouped) {
    GemmWork g;
    g.name = op.name;
    const double forward_flops = 2 * rows * columns * inner;
    g.flops = times * (3 + again) * forward_flops;
    g.bytes = times * activation_bytes * ((3 + again) * (rows * (columns + inner)) + (3 + again) * weights);
    g.breadth = rows * std::min(columns, inner);
    g.low_precision = low_precision(op);
    g.grouped = grouped;
    g.dense_branch = beside_experts(op);
    work_.operations += times * (1 + backward_kernels_gemm + again);
    work_.gemms.push_back(std::move(g));
  }

  void add_matmul(const Op& op, const MatMul& o, double times, double again) {
    double rows = static_cast<double>(o.rows) / y_, columns = static_cast<double>(o.columns),
           inner = static_cast<double>(o.inner);
    switch (o.split) {
      case Split::Columns:
      case Split::Vocabulary: columns /= t_; break;
      case Split::Rows:
        inner /= t_;
        if (l_.tensor > 1) add_tensor_reduction(rows * columns, times, again);
        break;
      case Split::None:
        if (l_.sequence_parallel) rows /= t_;
        break;
    }
    if (o.split == Split::Vocabulary && l_.tensor > 1) add_tensor_reduction(rows * inner / 2, times, 0);
    push_gemm(op, rows, columns, inner, columns * inner, times, again, false);
  }

  void add_grouped(const Op& op, const GroupedMatMul& o, double times, double again) {
    // With experts spread over x devices of a stage, a device handles as many rows as it brings tokens, balanced.
    const double imbalance = expert_group_imbalance(o.experts, o.per_token, l_.expert, run_.routing);
    const double etp = static_cast<double>(l_.expert_tensor());
    const double rows = static_cast<double>(o.rows) / y_ * etp / t_ * imbalance;
    double columns = static_cast<double>(o.columns), inner = static_cast<double>(o.inner);
    if (o.split == Split::Columns) columns /= etp;
    if (o.split == Split::Rows) {
      inner /= etp;
      if (etp > 1)
        add_tensor_reduction(static_cast<double>(o.rows) / static_cast<double>(o.per_token) / y_ * columns, times,
                             again);
    }
    const double experts = static_cast<double>(o.experts) / static_cast<double>(l_.expert);
    push_gemm(op, rows, columns, inner, std::min(experts, o.expected_experts) * columns * inner, times, again, true);
    // Grouped products are started expert by expert.
    work_.expert_operations += times * (3 + again) * experts;
    // One exchange to the experts before the first product and one back after the last.
    if (l_.expert > 1) {
      const double tokens = static_cast<double>(o.rows) / static_cast<double>(o.per_token) / y_ / t_;
      const double width = static_cast<double>(o.split == Split::Columns ? o.inner : o.columns);
      expert_bytes_ +=
          times * (2 + again) * tokens * width * activation_bytes * copies_sent(static_cast<double>(o.per_token));
      expert_calls_ += times * (2 + again);
    }
  }

  // Copies of a token that leave the device: one per expert elsewhere inside a node; between nodes one per other node
  // that has some of its experts, which passes it on over the fast link (hierarchical exchange).
  double copies_sent(double per_token) const {
    const double x = static_cast<double>(l_.expert);
    if (l_.expert <= run_.cluster.devices_per_node) return per_token * (x - 1) / x;
    const double nodes = x / static_cast<double>(run_.cluster.devices_per_node);
    return (nodes - 1) * (1 - std::pow(1 - 1 / nodes, per_token));
  }

  // Ring all-reduce, or with sequence parallel the reduce-scatter and all-gather that move as much.
  void add_tensor_reduction(double elements, double times, double again) {
    tensor_bytes_ += times * (2 + again) * 2 * (t_ - 1) / t_ * elements * activation_bytes;
    tensor_calls_ += times * (2 + again) * (l_.sequence_parallel ? 2 : 1);
  }

  void add_elements(const Op& op, double times, double again) {
    const PassCost f = cost(op, Pass::Forward), b = cost(op, Pass::Backward);
    const bool inside = std::holds_alternative<Activate>(op.detail) || std::holds_alternative<Rotate>(op.detail) ||
                        std::holds_alternative<CrossEntropy>(op.detail);
    const double share = (inside || l_.sequence_parallel ? t_ : 1) * y_;
    Formats formats;
    formats.gradient_bytes = run_.gradient_bytes;
    double each = (1 + again) * bytes(f.traffic, formats) + bytes(b.traffic, formats);
    if (std::holds_alternative<CrossEntropy>(op.detail)) {
      // Losses are computed on a copy of the logits in fp32.
      const double logits = f.traffic.activations;
      each = 4 * (f.traffic.activations + b.traffic.activations) + (activation_bytes + 4) * logits;
    }
    work_.element_bytes += times * each / share;
    work_.operations += times * (2 + again);
  }

  void push(std::vector<CommWork>& list, CommKind kind, double bytes, double calls, double bandwidth,
            std::int64_t span) const {
    if (bytes <= 0) return;
    list.push_back({kind, bytes, bandwidth, span > run_.cluster.devices_per_node, calls});
  }

  void add_layer_communication() {
    const Cluster& c = run_.cluster;
    push(work_.per_micro_batch, CommKind::Tensor, tensor_bytes_, tensor_calls_, c.ring_bytes_per_s(l_.tensor, 1),
         l_.tensor);
    push(work_.per_micro_batch, CommKind::Expert, expert_bytes_, expert_calls_,
         l_.expert > c.devices_per_node ? c.network_bytes_per_s : c.link_bytes_per_s, l_.expert);
    const std::int64_t context_span = l_.tensor * l_.context;
    push(work_.per_micro_batch, CommKind::Context, context_bytes_, context_calls_,
         c.ring_bytes_per_s(l_.context, l_.tensor), context_span);
    if (l_.pipeline > 1) {
      const double message = static_cast<double>(program_.step.tokens()) / y_ *
                             static_cast<double>(run_.architecture.width) * activation_bytes /
                             (l_.sequence_parallel ? t_ : 1);
      const double sends = 2 * static_cast<double>(l_.interleave);
      const bool crosses = l_.devices() > c.devices_per_node;
      push(work_.per_micro_batch, CommKind::Pipeline, sends * message, sends,
           crosses ? c.network_bytes_per_s : c.link_bytes_per_s, l_.devices());
    }
  }

  void add_data_parallel() {
    const DeviceParameters held = device_parameters(run_, count_);
    // Tensor parallel neighbours first, then context and data copies, pipeline stages last.
    const auto share = [&](double parameters, std::int64_t copies, std::int64_t stride) {
      const double n = static_cast<double>(copies), ring = (n - 1) / n;
      const double bandwidth = run_.cluster.ring_bytes_per_s(copies, stride);
      const std::int64_t span = copies * stride;
      if (copies > 1) {
        if (l_.sharding == Sharding::Zero3)
          push(work_.per_micro_batch, CommKind::Weights, 3 * ring * parameters * activation_bytes, 3 * stage_.layers,
               bandwidth, span);
        else
          push(work_.per_step, CommKind::Gradients, ring * parameters * (run_.gradient_bytes + activation_bytes), 2,
               bandwidth, span);
      }
      const double owned = l_.sharding == Sharding::None ? parameters : parameters / n;
      // Gradient, master weight and both moments are read; master, moments and the 16-bit weight written; the norm of
      // the gradient is a further pass over it.
      if (l_.cpu_optimizer)
        work_.host_bytes += owned * 2 * activation_bytes;
      else
        work_.optimizer_bytes += owned * (2 * run_.gradient_bytes + 24 + activation_bytes);
    };
    share(held.dense, l_.replicas(), l_.tensor);
    if (held.expert > 0) share(held.expert, l_.expert_replicas(), l_.expert > 1 ? l_.expert : l_.tensor);
  }

  const TrainingRun& run_;
  const Layout& l_;
  double t_, y_;
  const Program& program_;
  const ParameterCount& count_;
  TrainingWork work_;
  SlowestStage stage_;
  double layer_flops_ = 0, head_flops_ = 0;
  double tensor_bytes_ = 0, tensor_calls_ = 0, expert_bytes_ = 0, expert_calls_ = 0, context_bytes_ = 0,
         context_calls_ = 0;
};

}  // namespace

ListedModel list_model(const TrainingRun& run) {
  const double whole = std::round(run.layout.micro_batch);
  if (whole < 1) throw Error(Fault::BadInput, "the micro-batch must be at least one sequence");
  Step step = Step::train(static_cast<std::int64_t>(whole), run.sequence_length);
  step.routing = run.routing;
  ListedModel model;
  model.program = forward(run.architecture, step, LayerListing::Distinct);
  model.parameters = count_parameters(model.program);
  return model;
}

TrainingWork training_work(const TrainingRun& run) { return WorkOfRun(run, list_model(run)).take(); }
TrainingWork training_work(const TrainingRun& run, const ListedModel& model) { return WorkOfRun(run, model).take(); }

SlowestStage slowest_stage(const TrainingRun& run, double layer_cost, double head_cost) {
  const auto layers = static_cast<std::int64_t>(run.architecture.layers.size());
  const std::int64_t stages = run.layout.pipeline;
  if (stages == 1) return {static_cast<double>(layers), true};
  const std::int64_t least = layers / stages;
  // What does not divide is dealt to the stages without the head.
  const bool uneven = layers % stages != 0;
  const auto with_head = static_cast<double>(least) * layer_cost + head_cost;
  const auto without = static_cast<double>(least + 1) * layer_cost;
  if (uneven && without > with_head) return {static_cast<double>(least + 1), false};
  return {static_cast<double>(least), true};
}

DeviceParameters device_parameters(const TrainingRun& run) {
  return device_parameters(run, count_parameters(run.architecture));
}

DeviceParameters device_parameters(const TrainingRun& run, const ParameterCount& count) {
  const Layout& l = run.layout;
  const auto total = [&](Part part) { return static_cast<double>(count.of(part).total); };
  const double layers = static_cast<double>(run.architecture.layers.size());
  const double most = l.pipeline == 1 ? layers : std::ceil(layers / static_cast<double>(l.pipeline));
  const double t = static_cast<double>(l.tensor);
  const double ends = total(Part::Embedding) + total(Part::Position) + total(Part::Head);
  const double outside =
      l.pipeline == 1 ? ends : std::max(total(Part::Embedding) + total(Part::Position), total(Part::Head));
  const double split = total(Part::Attention) + total(Part::Mlp) + total(Part::SharedExpert) + total(Part::Prediction);
  const double repeated = total(Part::Norm) + total(Part::Router);  // every tensor-parallel device has its own
  DeviceParameters held;
  held.dense = (split / t + repeated) * most / layers + outside / t;
  held.expert =
      total(Part::Expert) * most / layers / (static_cast<double>(l.expert) * static_cast<double>(l.expert_tensor()));
  return held;
}

}  // namespace isoflop::sim
