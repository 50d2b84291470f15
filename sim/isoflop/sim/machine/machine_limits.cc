#include "isoflop/sim/machine/machine_limits.h"

#include <algorithm>
#include <cmath>

#include "isoflop/sim/kernel/read_bandwidth.h"
#include "isoflop/sim/machine/core_placement.h"
#include "isoflop/sim/machine/processor_times.h"

namespace isoflop::sim {
namespace {

constexpr PeakKind kinds[] = {PeakKind::Fp32, PeakKind::Bf16, PeakKind::Int8};

// Between the usual sizes of caches: 32 KiB, 1 MiB, 32 MiB (assumed); the probes lie inside each and around the edges.
std::vector<std::size_t> probe_sizes(std::size_t memory_bytes) {
  std::vector<std::size_t> sizes;
  for (const std::size_t kib : {16, 256, 1024, 4096, 8192, 16384, 32768})
    if (kib * 1024 * 4 <= memory_bytes) sizes.push_back(kib * 1024);
  sizes.push_back(memory_bytes);
  return sizes;
}

}  // namespace

double LimitValues::peak(PeakKind kind) const {
  if (kind == PeakKind::Bf16) return bf16_flop_per_s;
  return kind == PeakKind::Int8 ? int8_op_per_s : fp32_flop_per_s;
}

double LimitValues::bandwidth(double working_set) const {
  if (working_set <= set_bytes.front()) return bandwidth_bytes_per_s.front();
  for (std::size_t i = 1; i < set_bytes.size(); ++i)
    if (working_set <= set_bytes[i]) {
      const double t = std::log(working_set / set_bytes[i - 1]) / std::log(set_bytes[i] / set_bytes[i - 1]);
      return std::exp((1 - t) * std::log(bandwidth_bytes_per_s[i - 1]) + t * std::log(bandwidth_bytes_per_s[i]));
    }
  return bandwidth_bytes_per_s.back();
}

struct LimitProbe::State {
  Crew one{1}, all;
  std::vector<std::size_t> sizes;
  std::vector<std::unique_ptr<ReadBandwidth>> read_one;
  std::map<std::size_t, std::unique_ptr<ReadBandwidth>> read_all;  // by size per thread

  State(int threads, std::size_t memory_bytes) : all(threads), sizes(probe_sizes(memory_bytes)) {
    for (const std::size_t bytes : sizes) read_one.push_back(std::make_unique<ReadBandwidth>(bytes, one));
    if (all.size() < 2) return;
    // One size per kind of memory: private cache, shared cache, memory.
    for (const std::size_t bytes : {std::size_t{256} << 10, std::size_t{4} << 20, memory_bytes / all.size()})
      read_all[bytes] = std::make_unique<ReadBandwidth>(bytes * all.size(), all);
  }
};

LimitProbe::LimitProbe(int threads, std::size_t memory_bytes)
    : state_(std::make_unique<State>(threads, memory_bytes)) {}
LimitProbe::~LimitProbe() = default;

const std::vector<std::size_t>& LimitProbe::sizes() const { return state_->sizes; }
int LimitProbe::threads() const { return static_cast<int>(state_->all.size()); }

LimitSample LimitProbe::measure(double seconds_each) {
  State& s = *state_;
  LimitSample sample;
  sample.clock_hz = core_clock_hz(seconds_each);
  for (const PeakKind kind : kinds) {
    const PeakRate peak = peak_rate(kind, seconds_each);
    if (peak.instruction.empty() || !peak.verified) continue;
    sample.peak_one[kind] = peak.op_per_s;
    if (s.all.size() < 2) continue;
    // Side by side, each on its own clock: a core that two threads share shows, a processor that is taken away does
    // not.
    std::vector<double> rates(s.all.size());
    s.all.run([&](std::size_t i) { rates[i] = peak_rate(kind, seconds_each).op_per_s; });
    double sum = 0;
    for (double r : rates) sum += r;
    sample.peak_all[kind] = sum;
  }
  for (auto& read : s.read_one) sample.bandwidth_one.push_back(read->measure(seconds_each));
  for (auto& [bytes, read] : s.read_all) sample.bandwidth_all[bytes] = read->measure(seconds_each);
  const auto processors = usable_processors();
  if (processors.size() > 1) sample.line_ns = pass_line(processors[0], processors[1]).one_way_ns;
  return sample;
}

LimitValues LimitProbe::one_thread(const LimitSample& sample) const {
  const auto peak = [&](PeakKind kind) {
    const auto found = sample.peak_one.find(kind);
    return found == sample.peak_one.end() ? sample.peak_one.at(PeakKind::Fp32) : found->second;
  };
  LimitValues values{peak(PeakKind::Fp32), peak(PeakKind::Bf16), peak(PeakKind::Int8), {}, sample.bandwidth_one};
  for (const std::size_t bytes : state_->sizes) values.set_bytes.push_back(static_cast<double>(bytes));
  return values;
}

double LimitProbe::memory_bandwidth(bool all) {
  if (all && !state_->read_all.empty()) return state_->read_all.rbegin()->second->measure();
  return state_->read_one.back()->measure();
}

Window observed(const std::function<void()>& body) {
  Window window;
  window.before = current_placement();
  const auto before = processor_times();
  body();
  const auto after = processor_times();
  window.after = current_placement();
  if (before && after) {
    const auto shares = shares_between(*before, *after);
    window.steal = shares.steal;
    window.foreign = shares.foreign;
  }
  return window;
}

CycleCheck per_cycle_check(double op_per_s, double clock_hz, double op_per_instruction) {
  CycleCheck check;
  check.per_cycle = op_per_s / clock_hz;
  const double halves = std::round(2 * check.per_cycle / op_per_instruction);
  check.nearest = 0.5 * halves * op_per_instruction;
  check.plausible = halves >= 1 && std::fabs(check.per_cycle / check.nearest - 1) < 0.1;
  return check;
}

double op_per_instruction(PeakKind kind) {
  const double lanes = instruction_set() >= InstructionSet::Avx512 ? 16
                       : instruction_set() == InstructionSet::Avx2 ? 8
                                                                   : 4;
  if (kind == PeakKind::Int8) return 8 * lanes;
  if (kind == PeakKind::Bf16) return 4 * lanes;
  return instruction_set() == InstructionSet::Scalar ? lanes : 2 * lanes;
}

}  // namespace isoflop::sim
