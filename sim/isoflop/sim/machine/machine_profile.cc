#include "isoflop/sim/machine/machine_profile.h"

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/sim/kernel/training_step.h"

namespace isoflop::sim {
namespace {

constexpr const char* schema = "isoflop.machine/1";

struct NamedConstant {
  const char* name;
  double CpuConstants::*member;
};
constexpr NamedConstant constant_names[] = {{"e_f", &CpuConstants::e_f},         {"e_b", &CpuConstants::e_b},
                                            {"t_item_s", &CpuConstants::t_item}, {"t_pack_s", &CpuConstants::t_pack},
                                            {"t_row_s", &CpuConstants::t_row},   {"t_call_s", &CpuConstants::t_call}};

Value to_value(const LimitValues& limits) {
  return Value::object({{"fp32_flop_per_s", limits.fp32_flop_per_s},
                        {"bf16_flop_per_s", limits.bf16_flop_per_s},
                        {"int8_op_per_s", limits.int8_op_per_s},
                        {"working_set_bytes", Value(limits.set_bytes)},
                        {"read_bytes_per_s", Value(limits.bandwidth_bytes_per_s)}});
}

std::vector<double> numbers(const Value& list) {
  std::vector<double> result;
  for (const Value& item : list.items()) result.push_back(item.number());
  return result;
}

LimitValues limits_from(const Value& v) {
  LimitValues limits{v.at("fp32_flop_per_s").number(), v.at("bf16_flop_per_s").number(), v.at("int8_op_per_s").number(),
                     numbers(v.at("working_set_bytes")), numbers(v.at("read_bytes_per_s"))};
  bool usable = limits.fp32_flop_per_s > 0 && limits.bf16_flop_per_s > 0 && limits.int8_op_per_s > 0 &&
                !limits.set_bytes.empty() && limits.set_bytes.size() == limits.bandwidth_bytes_per_s.size() &&
                std::is_sorted(limits.set_bytes.begin(), limits.set_bytes.end());
  for (const auto* list : {&limits.set_bytes, &limits.bandwidth_bytes_per_s})
    usable = usable && std::all_of(list->begin(), list->end(), [](double x) { return x > 0; });
  if (!usable)
    throw Error(Fault::BadInput, "machine profile: limits must be positive, bandwidths ascending by working set");
  return limits;
}

// ln-widths of kinds add up in quadrature, weighted by their share.
class Sum {
 public:
  Sum(const MachineProfile& profile, const LimitValues& limits) : profile_(profile), limits_(limits) {}

  void add(const CpuWork& work, double times) {
    const auto found = profile_.ops.find(work.kind);
    const double seconds = times * (found == profile_.ops.end() ? light_seconds(work, limits_)
                                                                : cpu_seconds(work, limits_, found->second.constants));
    if (found == profile_.ops.end() &&
        std::find(total_.unknown.begin(), total_.unknown.end(), work.kind) == total_.unknown.end())
      total_.unknown.push_back(work.kind);
    total_.seconds += seconds;
    total_.by_kind[work.kind] += seconds;
  }

  PredictedTime total(double extra_s) {
    total_.seconds += extra_s;
    if (extra_s > 0) total_.by_kind["starting threads"] = extra_s;
    double low = 0, high = 0;
    for (const auto& [kind, seconds] : total_.by_kind) {
      const auto found = profile_.ops.find(kind);
      const RatioInterval unknown{1.0 / 3, 3};  // assumed, as for accelerators without measured kernels
      RatioInterval interval = found == profile_.ops.end() ? unknown : found->second.interval;
      if (!(interval.low > 0) || !std::isfinite(interval.high)) interval = unknown;
      const double share = seconds / total_.seconds;
      low += std::pow(share * std::log(interval.low), 2);
      high += std::pow(share * std::log(interval.high), 2);
    }
    total_.low_s = total_.seconds * std::exp(-std::sqrt(low));
    total_.high_s = total_.seconds * std::exp(std::sqrt(high));
    return total_;
  }

 private:
  const MachineProfile& profile_;
  const LimitValues& limits_;
  PredictedTime total_;
};

}  // namespace

Value to_value(const MachineProfile& p) {
  Value ops = Value::object(), checks = Value::array();
  for (const auto& [kind, fit] : p.ops) {
    Value constants = Value::object();
    for (const auto& c : constant_names) constants[c.name] = Value(fit.constants.*c.member);
    ops[kind] = Value::object({{"constants", constants},
                               {"interval_low", fit.interval.low},
                               {"interval_high", std::isfinite(fit.interval.high) ? Value(fit.interval.high) : Value()},
                               {"in_sample_mape", fit.in_sample_mape},
                               {"cross_validated_mape", fit.cross_validated_mape},
                               {"rows", fit.rows},
                               {"groups", fit.groups}});
  }
  for (const auto& c : p.checks)
    checks.push_back(Value::object({{"what", c.what},
                                    {"model", c.model},
                                    {"settings", c.settings},
                                    {"threads", c.threads},
                                    {"measured_s", c.measured_s},
                                    {"predicted_s", c.predicted_s},
                                    {"low_s", c.low_s},
                                    {"high_s", c.high_s},
                                    {"disagreement", c.disagreement}}));
  return Value::object({{"schema", schema},
                        {"processor", p.processor},
                        {"instruction_set", p.instruction_set},
                        {"threads", p.threads},
                        {"one_thread", to_value(p.one)},
                        {"each_of_all_threads", to_value(p.all)},
                        {"thread_start_s", p.thread_start_s},
                        {"works", ops},
                        {"checks", checks}});
}

MachineProfile machine_profile_from(const Value& v) {
  if (!v.is_object() || !v.find("schema") || !v.at("schema").is_text() || v.at("schema").text() != schema)
    throw Error(Fault::BadInput, std::string("machine profile: expected schema ") + schema +
                                     ", as isoflop calibrate --this-machine writes it");
  MachineProfile p;
  p.processor = v.at("processor").text();
  p.instruction_set = v.at("instruction_set").text();
  p.threads = static_cast<int>(v.at("threads").number());
  p.one = limits_from(v.at("one_thread"));
  p.all = limits_from(v.at("each_of_all_threads"));
  p.thread_start_s = v.at("thread_start_s").number();
  for (const auto& [kind, entry] : v.at("works").members()) {
    CpuOpFit fit;
    for (const auto& c : constant_names) {
      fit.constants.*c.member = entry.at("constants").at(c.name).number();
      if (!(fit.constants.*c.member >= 0))
        throw Error(Fault::BadInput, "machine profile: " + kind + ": " + c.name + " must not be negative");
    }
    fit.interval.low = entry.at("interval_low").number();
    fit.interval.high = entry.at("interval_high").is_null() ? HUGE_VAL : entry.at("interval_high").number();
    fit.in_sample_mape = entry.at("in_sample_mape").number();
    fit.cross_validated_mape = entry.at("cross_validated_mape").number();
    fit.rows = static_cast<std::size_t>(entry.at("rows").number());
    fit.groups = static_cast<std::size_t>(entry.at("groups").number());
    p.ops[kind] = fit;
  }
  for (const Value& c : v.at("checks").items())
    p.checks.push_back({c.at("what").text(), c.at("model").text(), c.at("settings").text(),
                        static_cast<int>(c.at("threads").number()), c.at("measured_s").number(),
                        c.at("predicted_s").number(), c.at("low_s").number(), c.at("high_s").number(),
                        c.at("disagreement").number()});
  return p;
}

PredictedTime predict_training_step(const MachineProfile& profile, const Architecture& architecture,
                                    std::int64_t sequences, std::int64_t length, Precision precision, int threads) {
  const auto shards =
      static_cast<std::int64_t>(training_shards(static_cast<std::size_t>(sequences), static_cast<std::size_t>(length)));
  const Program program = forward(architecture, Step::train(sequences / shards, length));
  const double busy = static_cast<double>(std::min<std::int64_t>(threads, shards));
  const double rounds = std::ceil(static_cast<double>(shards) / busy);
  Sum sum(profile, threads > 1 ? profile.all : profile.one);
  const ExecutionStyle style{precision, false, WeightFormat::Fp32};
  for (const Op& op : program.ops)
    for (const auto pass : {WorkPass::Forward, WorkPass::Backward, WorkPass::WeightGradient})
      for (const CpuWork& work : works_of(op, pass, style)) sum.add(work, rounds);
  for (const StepWork& step :
       step_works(weight_elements(program), cleared_elements(program), matrix_elements(program),
                  static_cast<double>(shards), precision))
    sum.add(step.work, step.per_shard ? rounds : 1.0 / threads);
  // Five parallel loops: shards, sums, norm, update, packing.
  return sum.total(threads > 1 ? 5 * profile.thread_start_s : 0);
}

std::vector<CpuWork> decode_works(const Program& program, WeightFormat format) {
  std::vector<CpuWork> works;
  double bytes = 0;
  for (const Op& op : program.ops)
    for (CpuWork& work : works_of(op, WorkPass::Forward, {Precision::Fp32, true, format})) {
      if (work.kind.rfind("stream", 0) == 0) bytes += work.bytes;
      works.push_back(std::move(work));
    }
  for (CpuWork& work : works)
    if (work.kind.rfind("stream", 0) == 0) work.working_set = bytes;
  return works;
}

PredictedTime predict_decode_step(const MachineProfile& profile, const Architecture& architecture, std::int64_t batch,
                                  std::int64_t context, WeightFormat format) {
  Sum sum(profile, profile.one);
  for (const CpuWork& work : decode_works(forward(architecture, Step::decode(batch, context)), format))
    sum.add(work, 1);
  return sum.total(0);
}

PredictedTime predict_prefill(const MachineProfile& profile, const Architecture& architecture, std::int64_t batch,
                              std::int64_t prompt, Precision precision) {
  Sum sum(profile, profile.one);
  for (const Op& op : forward(architecture, Step::prefill(batch, prompt)).ops)
    for (const CpuWork& work : works_of(op, WorkPass::Forward, {precision, false, WeightFormat::Fp32}))
      sum.add(work, 1);
  return sum.total(0);
}

}  // namespace isoflop::sim
