#include "isoflop/sim/op/program_calls.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

constexpr double sixteen_bits = 2;

class Lowering {
 public:
  Lowering(const Program& program, const ProgramFormats& formats) : program_(program), f_(formats) {}

  std::vector<ProgramCall> calls() {
    for (at_ = 0; at_ < program_.ops.size(); ++at_)
      std::visit([this](const auto& detail) { lower(detail); }, op().detail);
    return std::move(calls_);
  }

 private:
  const Op& op() const { return program_.ops[at_]; }
  double t() const { return static_cast<double>(f_.tensor_parallel); }

  void add(OpShape shape, const std::string& suffix = {}) {
    calls_.push_back({op().name + suffix, op().layer, static_cast<double>(op().times), std::move(shape)});
  }
  void add_elements(const std::string& kind, double elements) {
    if (elements > 0) add(ElementwiseShape{kind, sixteen_bits * elements});
  }
  // Norms, residuals and whatever is not split between devices of a tensor-parallel group runs on all of them.
  void collective(Collective kind, double devices, double bytes, const std::string& suffix) {
    if (devices > 1)
      add(CommShape{kind, devices, std::max(1.0, std::ceil(devices / f_.devices_per_node)), bytes}, suffix);
  }
  std::int64_t divided(std::int64_t value, const char* what) const {
    if (value % f_.tensor_parallel != 0)
      throw Error(Fault::Usage, op().name + ": " + std::to_string(value) + " " + what +
                                    " do not divide by tensor parallelism " + std::to_string(f_.tensor_parallel));
    return value / f_.tensor_parallel;
  }
  KernelFormat format() const { return op().part == Part::Head || op().part == Part::Router ? f_.head : f_.products; }

  void lower(const Lookup& d) { add_elements("add", 2.0 * static_cast<double>(d.rows * d.width)); }
  void lower(const MatMul& d) {
    GemmShape shape{d.rows, d.columns, d.inner, format()};
    if (d.split == Split::Columns) shape.n = divided(d.columns, "outputs");
    if (d.split == Split::Vocabulary) shape.n = (d.columns + f_.tensor_parallel - 1) / f_.tensor_parallel;
    if (d.split == Split::Rows) shape.k = divided(d.inner, "inputs");
    add(shape);
    const double out_bytes = sixteen_bits * static_cast<double>(d.rows * d.columns);
    if (d.split == Split::Rows) collective(Collective::AllReduce, t(), out_bytes, " all-reduce");
    if (d.split == Split::Vocabulary) collective(Collective::AllGather, t(), out_bytes, " all-gather");
  }
  void lower(const HeadMatMul& d) {
    // One product per head; together they read and compute as much as one whose outputs are all heads'.
    add(GemmShape{d.rows, divided(d.heads, "heads") * d.columns, d.inner, f_.products});
  }
  void lower(const GroupedMatMul& d) {
    MoeShape shape;
    shape.per_token = static_cast<double>(d.per_token);
    shape.tokens = static_cast<double>(d.rows) / shape.per_token;
    shape.hidden = static_cast<double>(d.inner);
    shape.experts = static_cast<double>(d.experts);
    shape.expert_parallel = static_cast<double>(f_.expert_parallel);
    shape.tensor_parallel = f_.expert_parallel > 1 ? 1 : t();
    shape.touched_experts = d.expected_experts;
    shape.format = f_.experts;
    shape.matrices = 1;
    shape.expert_width = static_cast<double>(d.columns);
    // Up, activation, down: the fused call that was measured. Anything else is a single projection.
    if (at_ + 2 < program_.ops.size() && std::holds_alternative<Activate>(program_.ops[at_ + 1].detail))
      if (const auto* down = std::get_if<GroupedMatMul>(&program_.ops[at_ + 2].detail);
          down && down->columns == d.inner) {
        shape.expert_width = static_cast<double>(down->inner);
        shape.matrices = 1 + static_cast<double>(d.columns) / shape.expert_width;
      }
    const double token_bytes = sixteen_bits * static_cast<double>(d.rows * d.inner);
    collective(Collective::AllToAll, shape.expert_parallel, token_bytes / shape.expert_parallel, " send");
    add(shape);
    collective(Collective::AllToAll, shape.expert_parallel, token_bytes / shape.expert_parallel, " return");
    if (shape.tensor_parallel > 1) collective(Collective::AllReduce, t(), token_bytes / shape.per_token, " all-reduce");
    if (shape.matrices > 1) at_ += 2;
  }
  void lower(const Normalise& d) { add_elements("norm", 2.0 * static_cast<double>(d.rows * d.groups * d.width)); }
  void lower(const Rotate& d) {
    add_elements("attn_rope", 2.0 * static_cast<double>(d.rows * d.heads * d.head_dim) / t());
  }
  void lower(const CacheWrite& d) { add_elements("add", 2.0 * static_cast<double>(d.rows * d.width) / t()); }
  void lower(const AttentionCore& d) {
    for (const auto& segment : d.segments) {
      AttentionShape shape;
      shape.sequences = static_cast<double>(segment.sequences);
      shape.new_tokens = static_cast<double>(segment.new_tokens);
      shape.decode = segment.new_tokens == 1 && d.from_cache;
      shape.cached_tokens = static_cast<double>(segment.context + (shape.decode ? 1 : 0));
      shape.heads = static_cast<double>(divided(d.heads, "heads"));
      // Fewer key heads than devices are stored several times.
      shape.kv_heads = std::max(1.0, static_cast<double>(d.kv_heads) / t());
      shape.head_dim = static_cast<double>(d.key_dim + d.value_dim) / 2;
      shape.window = static_cast<double>(d.window > 0 ? d.window + d.sink_tokens : 0);
      const double stored = static_cast<double>(d.values_in_keys ? d.key_dim : d.key_dim + d.value_dim);
      shape.kv_bytes_per_element =
          (d.from_cache ? f_.kv_bytes_per_element : sixteen_bits) * stored / (2 * shape.head_dim);
      add(shape);
    }
  }
  void lower(const Activate& d) {
    add_elements("mlp_act", static_cast<double>(d.rows * d.width) * (d.gated ? 3 : 2) / t());
  }
  void lower(const Add& d) { add_elements("add", static_cast<double>(d.rows * d.width * (d.operands + 1))); }
  void lower(const GateScale& d) { add_elements("add", 2.0 * static_cast<double>(d.rows * d.width)); }
  void lower(const Route& d) { add_elements("add", static_cast<double>(d.rows * d.experts)); }
  // Part of the fused experts.
  void lower(const Dispatch&) {}
  void lower(const Combine&) {}
  void lower(const SelectRows& d) { add_elements("add", 2.0 * static_cast<double>(d.rows * d.width)); }
  void lower(const Concatenate& d) { add_elements("add", 2.0 * static_cast<double>(d.rows * d.width)); }
  void lower(const CrossEntropy& d) { add_elements("add", 2.0 * static_cast<double>(d.rows * d.vocabulary) / t()); }

  const Program& program_;
  const ProgramFormats& f_;
  std::size_t at_ = 0;
  std::vector<ProgramCall> calls_;
};

std::string kind_of(const ProgramCall& call) {
  const OpKey key = key_of(call.shape);
  return key.op + ", " + key.variant;
}

std::string_view name_of(Basis basis) {
  switch (basis) {
    case Basis::Measured: return "measured";
    case Basis::Borrowed: return "borrowed";
    case Basis::Datasheet: return "data sheet";
  }
  return "";
}

}  // namespace

std::vector<ProgramCall> program_calls(const Program& program, const ProgramFormats& formats) {
  return Lowering(program, formats).calls();
}

ProgramTime price_program(const std::vector<ProgramCall>& calls, const OpTimer& timer) {
  ProgramTime total;
  struct Kind {
    double seconds = 0, low_s = 0, high_s = 0;
  };
  std::map<std::string, Kind> kinds;
  for (const auto& call : calls) {
    PricedCall priced{call, timer.time(call.shape)};
    const OpTime& time = priced.time;
    total.seconds += call.times * time.seconds;
    total.floor_s += call.times * time.seconds * time.utilisation;
    total.bound_s[static_cast<std::size_t>(time.bound)] += call.times * time.seconds;
    Kind& kind = kinds[kind_of(call)];
    kind.seconds += call.times * time.seconds;
    kind.low_s += call.times * time.low_s;
    kind.high_s += call.times * time.high_s;
    total.calls.push_back(std::move(priced));
  }
  double low = 0, high = 0;
  for (const auto& [name, kind] : kinds) {
    low += (kind.seconds - kind.low_s) * (kind.seconds - kind.low_s);
    high += (kind.high_s - kind.seconds) * (kind.high_s - kind.seconds);
  }
  total.low_s = std::max(total.floor_s, total.seconds - std::sqrt(low));
  total.high_s = total.seconds + std::sqrt(high);
  return total;
}

std::vector<Sensitivity> sensitivities(const std::vector<ProgramCall>& calls, const Accelerator& accelerator,
                                       const OpProfile& profile) {
  constexpr double step = 0.01;
  const auto elasticity = [&](const char* name, const std::function<void(Accelerator&, double)>& scale) {
    Accelerator up = accelerator, down = accelerator;
    scale(up, 1 + step);
    scale(down, 1 / (1 + step));
    const double ratio =
        price_program(calls, OpTimer(up, profile)).seconds / price_program(calls, OpTimer(down, profile)).seconds;
    return Sensitivity{name, std::log(ratio) / (2 * std::log(1 + step))};
  };
  const auto times = [](std::optional<double>& value, double factor) {
    if (value) *value *= factor;
  };
  return {
      elasticity("memory bandwidth", [](Accelerator& a, double f) { a.bandwidth_bytes_per_s *= f; }),
      elasticity("arithmetic peak",
                 [&](Accelerator& a, double f) {
                   for (auto* peak : {&a.fp32_flop_per_s, &a.bf16_flop_per_s, &a.fp16_flop_per_s, &a.fp8_flop_per_s,
                                      &a.int8_op_per_s, &a.fp4_flop_per_s})
                     times(*peak, f);
                 }),
      elasticity("links",
                 [&](Accelerator& a, double f) {
                   times(a.intra_node_bytes_per_s, f);
                   times(a.inter_node_bytes_per_s, f);
                 }),
  };
}

ReportTable program_time_table(const ProgramTime& time) {
  struct Kind {
    double calls = 0, seconds = 0, low_s = 0, high_s = 0, floor_s = 0;
    std::map<Bound, double> bounds;
    Basis basis = Basis::Measured;
  };
  std::map<std::string, Kind> kinds;
  for (const auto& priced : time.calls) {
    Kind& kind = kinds[kind_of(priced.call)];
    const double times = priced.call.times, seconds = times * priced.time.seconds;
    kind.calls += times;
    kind.seconds += seconds;
    kind.low_s += times * priced.time.low_s;
    kind.high_s += times * priced.time.high_s;
    kind.floor_s += seconds * priced.time.utilisation;
    kind.bounds[priced.time.bound] += seconds;
    kind.basis = std::max(kind.basis, priced.time.basis);
  }
  std::vector<std::pair<std::string, Kind>> order(kinds.begin(), kinds.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  ReportTable table{"Where the time goes",
                    {{"operation", "operation", Align::Left},
                     {"calls", "calls"},
                     {"time ms", "time_ms"},
                     {"low ms", "low_ms"},
                     {"high ms", "high_ms"},
                     {"share %", "share_percent", Align::Right, 3},
                     {"mostly bound by", "bound", Align::Left},
                     {"of speed of light %", "utilisation_percent", Align::Right, 3},
                     {"rests on", "basis", Align::Left}},
                    {},
                    "Speed of light: arithmetic at peak or least bytes at full bandwidth, whichever is longer."};
  for (const auto& [name, kind] : order) {
    const auto bound = std::max_element(kind.bounds.begin(), kind.bounds.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
    table.rows.push_back({name, kind.calls, 1e3 * kind.seconds, 1e3 * kind.low_s, 1e3 * kind.high_s,
                          100 * kind.seconds / time.seconds, std::string(isoflop::sim::name_of(bound->first)),
                          100 * kind.floor_s / kind.seconds, std::string(name_of(kind.basis))});
  }
  return table;
}

}  // namespace isoflop::sim
