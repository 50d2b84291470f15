#include "isoflop/sim/serving/step_time.h"

#include <algorithm>
#include <variant>

#include "isoflop/model/op_cost.h"
#include "isoflop/sim/serving/fused_kernels.h"
#include "isoflop/sim/serving/op_prices.h"
#include "isoflop/sim/serving/pass_program.h"
#include "isoflop/sim/serving/stages.h"

namespace isoflop::sim {
namespace {

using Priced = OpPrices::Priced;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

const char* class_name(const Op& op) {
  return std::visit(Overloaded{[&](const MatMul&) -> const char* {
                                 switch (op.part) {
                                   case Part::Attention: return "attention projections";
                                   case Part::Head: return "logits";
                                   case Part::Router: return "router";
                                   case Part::Prediction: return "prediction layer";
                                   default: return "MLP";
                                 }
                               },
                               [](const HeadMatMul&) { return "attention projections"; },
                               [](const GroupedMatMul&) { return "experts"; },
                               [](const AttentionCore&) { return "attention core"; },
                               [](const auto&) { return "norms and element work"; }},
                    op.detail);
}

void add_to(Estimate& sum, double times, const Estimate& part) {
  sum.low += times * part.low;
  sum.central += times * part.central;
  sum.high += times * part.high;
}

std::int64_t nodes_of(std::int64_t devices, std::int64_t per_node) { return (devices + per_node - 1) / per_node; }

/// fp8 to the experts and 16 bits back, over 16 bits both ways.
constexpr double fewest_message_bytes = 0.75;

/// Expected other nodes that hold an expert of a token, when all are equally likely.
double other_nodes(const GroupedMatMul& product, std::int64_t nodes) {
  double missed = 1;
  const auto elsewhere = static_cast<double>(product.experts) * (1 - 1 / static_cast<double>(nodes));
  for (std::int64_t i = 0; i < product.per_token; ++i)
    missed *= std::max(0.0, elsewhere - static_cast<double>(i)) / static_cast<double>(product.experts - i);
  return static_cast<double>(nodes - 1) * (1 - missed);
}

/// The sequences of the busiest replica of the attention.
Step of_one_replica(Step step, const ServingLoad& load) {
  for (Segment& segment : step.segments) segment.sequences = load.sequences_per_replica(segment.sequences);
  return step;
}

constexpr int no_layer = -2;

/// Adds up a pass: by class of operation, and by the place in the model that the operation belongs to.
class PassSum {
 public:
  PassSum(StepTime& total, std::size_t kinds) : total_(total), of_kind_(kinds, Estimate{0, 0, 0, {}}) {}

  /// Floor and price of one execution; `bytes` and `flop` over all devices.
  struct Work {
    const char* name;
    Priced priced;
    double layers = 1;      ///< in which it happens
    double each_layer = 1;  ///< times in one of them
    double bytes = 0, flop = 0, bytes_s = 0, flop_s = 0;
  };
  void add(const Work& w, int layer) {
    const double times = w.layers * w.each_layer;
    auto found = std::find_if(total_.classes.begin(), total_.classes.end(),
                              [&](const OpClass& c) { return c.name == w.name; });
    if (found == total_.classes.end()) {
      OpClass made;
      made.name = w.name;
      found = total_.classes.insert(total_.classes.end(), made);
    }
    const double floor_s = std::max(w.bytes_s, w.flop_s);
    Estimate seconds{std::max(w.priced.low_s, floor_s), std::max(w.priced.central_s, floor_s), 0, {}};
    seconds.high = std::max(w.priced.high_s, seconds.central);
    add_to(found->seconds, times, seconds);
    found->bytes += times * w.bytes;
    found->flop += times * w.flop;
    found->floor_s += times * floor_s;
    found->calls += times;
    // Few rows leave matrix tiles mostly empty; what such an operation waits for is its weights.
    const Bound bound = w.priced.bound == Bound::Compute && w.flop_s < w.bytes_s ? Bound::Bandwidth : w.priced.bound;
    found->bound_s[static_cast<std::size_t>(bound)] += times * seconds.central;
    if (w.priced.cell && (found->origin.empty() || w.priced.cell->resolved.basis > found->basis)) {
      found->basis = w.priced.cell->resolved.basis;
      found->origin = w.priced.cell->resolved.origin;
    }
    bytes_s_ += times * w.bytes_s;
    flop_s_ += times * w.flop_s;
    // What is in no layer comes before the first or after the last; a message between stages is in none of them.
    if (layer == no_layer) return;
    if (layer >= 0 && static_cast<std::size_t>(layer) < of_kind_.size()) {
      inside_ = true;
      add_to(of_kind_[static_cast<std::size_t>(layer)], w.each_layer, seconds);
    } else {
      add_to(inside_ ? after_ : before_, times, seconds);
    }
  }

  /// Seconds of a stage with so many layers of each kind, without what it sends on.
  Estimate stage(const std::vector<std::int64_t>& layers_of_kind, bool first, bool last) const {
    Estimate sum{0, 0, 0, {}};
    for (std::size_t k = 0; k < of_kind_.size(); ++k) add_to(sum, static_cast<double>(layers_of_kind[k]), of_kind_[k]);
    if (first) add_to(sum, 1, before_);
    if (last) add_to(sum, 1, after_);
    return sum;
  }
  double floor_s() const { return std::max(bytes_s_, flop_s_); }

 private:
  StepTime& total_;
  std::vector<Estimate> of_kind_;
  Estimate before_{0, 0, 0, {}}, after_{0, 0, 0, {}};
  bool inside_ = false;
  double bytes_s_ = 0, flop_s_ = 0;
};

/// The engine's own part, and the sums over classes.
void finish(StepTime& total) {
  OpClass host;
  host.name = "host";
  host.seconds = {host_per_step_low_s, host_per_step_s, host_per_step_high_s, {}};
  host.calls = 1;
  host.basis = Basis::Datasheet;
  host.origin = "assumed";
  host.bound_s[static_cast<std::size_t>(Bound::Launch)] = host_per_step_s;
  std::array<double, 4> bound_s{};
  for (const OpClass& c : total.classes) total.basis = std::max(total.basis, c.basis);
  total.classes.push_back(std::move(host));
  for (const OpClass& c : total.classes) {
    add_to(total.seconds, 1, c.seconds);
    for (std::size_t i = 0; i < bound_s.size(); ++i) bound_s[i] += c.bound_s[i];
  }
  total.bound = static_cast<Bound>(std::max_element(bound_s.begin(), bound_s.end()) - bound_s.begin());
}

}  // namespace

double matmul_peak_flop_per_s(const Accelerator& accelerator, const ServingLoad& load) {
  return limits_for(GemmShape{1, 1, 1, load.kernel_format()}, accelerator).peak_flop_per_s;
}

struct StepPricer::State {
  Architecture architecture;
  Accelerator accelerator;
  OpPrices prices;
  std::size_t kinds;

  State(const Architecture& a, const Accelerator& chip, const OpProfile& profile)
      : architecture(a), accelerator(chip), prices(architecture, accelerator, profile),
        kinds(distinct_layers(architecture).size()) {}

  StepTime time(const ServingLoad& load, Step step, bool prediction) const;

  /// Messages that follow a product within its stage; `reduced_later`: another product's all-reduce serves it too.
  void add_messages(PassSum& pass, const Op& op, const Op& of_stage, const ServingLoad& load,
                    bool reduced_later) const {
    const std::int64_t tp = load.tensor_parallel, tp_nodes = nodes_of(tp, load.devices_per_node);
    const auto add = [&](const char* name, Collective kind, double bytes, std::int64_t devices, std::int64_t nodes,
                         double each = 1) {
      pass.add({name, prices.collective(kind, bytes, devices, nodes), static_cast<double>(op.times), each}, op.layer);
    };
    if (const auto* matmul = std::get_if<MatMul>(&op.detail); matmul && tp > 1) {
      const double bytes = 2.0 * static_cast<double>(matmul->rows * matmul->columns);
      if (matmul->split == Split::Rows && !reduced_later) add("all-reduce", Collective::AllReduce, bytes, tp, tp_nodes);
      if (matmul->split == Split::Vocabulary) add("gather of logits", Collective::AllGather, bytes, tp, tp_nodes);
    }
    const auto* grouped = std::get_if<GroupedMatMul>(&op.detail);
    if (!grouped || grouped->split != Split::Rows) return;
    // After the weighted sum, so once per token.
    const double token_bytes = 2.0 * static_cast<double>(grouped->rows / grouped->per_token * grouped->columns);
    if (load.replicas() == 1) {
      if (tp > 1 && !reduced_later) add("all-reduce", Collective::AllReduce, token_bytes, tp, tp_nodes);
      return;
    }
    pass.add({"all-to-all",
              all_to_all(std::get<GroupedMatMul>(of_stage.detail), token_bytes / static_cast<double>(tp), load),
              static_cast<double>(op.times), 2},
             op.layer);
    if (tp > 1) add("gather of tokens", Collective::AllGather, token_bytes, tp, tp_nodes);
  }

  /// Tokens to their experts, or back: over the network to each other node, then to the devices there.
  Priced all_to_all(const GroupedMatMul& product, double device_bytes, const ServingLoad& load) const {
    const std::int64_t group = load.expert_parallel, nodes = nodes_of(group, load.devices_per_node),
                       near = nodes > 1 ? load.devices_per_node : group;
    const double imbalance = prices.imbalance(product, load), away = other_nodes(product, nodes),
                 apart = static_cast<double>(product.per_token * (nodes - 1)) / static_cast<double>(nodes);
    // A collective's own share that stays on the device is added, because the copies counted here all leave.
    const auto far = [&](double copies, double scale) {
      return prices.collective(Collective::AllToAll,
                               copies * scale * imbalance * device_bytes * static_cast<double>(group) /
                                   static_cast<double>(group - 1),
                               group, nodes);
    };
    const auto inside = [&](double scale) {
      return near == 1 ? Priced{}
                       : prices.collective(Collective::AllToAll,
                                           static_cast<double>(product.per_token) * scale * imbalance * device_bytes,
                                           near, 1);
    };
    Priced sum = inside(1);
    sum.low_s = inside(fewest_message_bytes).low_s;
    if (nodes == 1) return sum;
    const Priced central = far(away, 1);
    return {sum.low_s + far(away, fewest_message_bytes).low_s, sum.central_s + central.central_s,
            sum.high_s + far(apart, 1).high_s, central.bound, central.cell};
  }

  /// Each stage's seconds, and the messages between them: every device sends its tokens' residual stream, 16 bits.
  void add_stages(PassSum& pass, const ServingLoad& load, std::int64_t tokens, StepTime& total) const {
    const StagePlan plan = stage_plan(architecture, load.pipeline_parallel);
    const double bytes = 2.0 * static_cast<double>(tokens * architecture.width);
    const std::array<Priced, 2> sending = {prices.collective(Collective::SendReceive, bytes, 2, 1),
                                           prices.collective(Collective::SendReceive, bytes, 2, 2)};
    for (std::int64_t s = 0; s < load.pipeline_parallel; ++s) {
      const bool last = s + 1 == load.pipeline_parallel;
      Estimate seconds = pass.stage(plan.layers_of_kind[static_cast<std::size_t>(s)], s == 0, last);
      if (!last) {
        const bool away = leaves_node(s, load.stage_devices(), load.devices_per_node);
        const Priced& message = sending[away ? 1 : 0];
        add_to(seconds, 1, {message.low_s, message.central_s, message.high_s, {}});
        pass.add({away ? "send to the next stage, between nodes" : "send to the next stage", message}, no_layer);
      }
      total.stage_s.push_back(seconds);
    }
  }
};

StepPricer::StepPricer(const Architecture& architecture, const Accelerator& accelerator, const OpProfile& profile)
    : state_(new State(architecture, accelerator, profile)) {}
StepPricer::~StepPricer() = default;
const Architecture& StepPricer::architecture() const { return state_->architecture; }
const Accelerator& StepPricer::accelerator() const { return state_->accelerator; }

StepTime StepPricer::time(const ServingLoad& load, const Step& step) const { return state_->time(load, step, false); }
StepTime StepPricer::prediction_time(const ServingLoad& load, const Step& step) const {
  return state_->time(load, step, true);
}

StepTime StepPricer::State::time(const ServingLoad& load, Step step, bool prediction) const {
  step.routing.skew = load.routing_skew;
  const auto program = [&](const Step& of) { return pass_program(architecture, of, prediction); };
  // What the whole stage does, and what one replica of the attention does of it; the same where there is one.
  const Program whole = program(step);
  const bool replicated = load.replicas() > 1;
  const Step of_one = of_one_replica(step, load);
  const Program part = replicated ? program(of_one) : Program{};
  const Program& local = replicated ? part : whole;
  const auto stage_devices = static_cast<double>(load.stage_devices());
  const double bandwidth = accelerator.bandwidth_bytes_per_s;
  const double peak = matmul_peak_flop_per_s(accelerator, load);
  const auto busy_replicas = static_cast<double>(std::min(load.replicas(), step.sequences()));
  StepTime total;
  PassSum pass(total, kinds);
  const std::vector<Fusion> fused = fusions(local);
  for (std::size_t i = 0; i < whole.ops.size(); ++i) {
    // Routed experts serve every replica, everything else its own.
    const bool shared = std::holds_alternative<GroupedMatMul>(whole.ops[i].detail);
    const Op& op = shared ? whole.ops[i] : local.ops[i];
    const PassCost cost = isoflop::cost(op, Pass::Forward);
    const double weight_bytes =
        op.weights.empty() ? 2 : bytes_per_weight(whole.tensors[static_cast<std::size_t>(op.weights[0])], load);
    const double weights = weight_bytes * cost.traffic.weights, kv = load.kv_bytes() * cost.traffic.kv;
    const double devices = shared ? stage_devices : static_cast<double>(load.tensor_parallel);
    PassCost everywhere = cost;
    if (replicated && !shared) {
      everywhere = isoflop::cost(whole.ops[i], Pass::Forward);
      everywhere.traffic.weights = busy_replicas * cost.traffic.weights;
    }
    const double all_weights = weight_bytes * everywhere.traffic.weights;
    const double all_kv = load.kv_bytes() * everywhere.traffic.kv;
    const auto times = static_cast<double>(op.times);
    pass.add({class_name(op), prices.of(op, load, cost, weight_bytes, fused[i].launch), times, 1, all_weights + all_kv,
              everywhere.matmul_flops, (weights + kv) / (devices * bandwidth), cost.matmul_flops / (devices * peak)},
             op.layer);
    total.weight_bytes += times * all_weights;
    total.kv_bytes += times * all_kv;
    total.matmul_flop += times * everywhere.matmul_flops;
    // Routed experts that answer by all-to-all leave the others' sums to themselves.
    add_messages(pass, local.ops[i], whole.ops[i], load, fused[i].all_reduced_later && !replicated);
  }
  if (load.pipeline_parallel > 1) add_stages(pass, load, of_one.tokens(), total);
  finish(total);
  total.floor_s = pass.floor_s();
  return total;
}

}  // namespace isoflop::sim
