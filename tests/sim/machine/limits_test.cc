#include <doctest/doctest.h>

#include "agrees.h"
#include "isoflop/sim/kernel/cpu_peak.h"
#include "isoflop/sim/kernel/read_bandwidth.h"
#include "isoflop/sim/machine/core_placement.h"
#include "isoflop/sim/machine/cpu_work.h"
#include "isoflop/sim/machine/op_probe.h"
#include "isoflop/sim/machine/processor_times.h"

using namespace isoflop::sim;

TEST_CASE("processor times are read from the first line of the system's table") {
  const auto before = parse_processor_times("cpu  100 10 40 800 20 3 2 25 0 0\ncpu0 1 2 3\n", 100);
  REQUIRE(before);
  CHECK(agrees(before->busy_s, 1.55, 12));
  CHECK(agrees(before->idle_s, 8.20, 12));
  CHECK(agrees(before->steal_s, 0.25, 12));
  auto after = *before;
  after.busy_s += 3;   // of which this program 1
  after.own_s += 1;
  after.idle_s += 0.8;
  after.steal_s += 0.2;
  const auto shares = shares_between(*before, after);
  CHECK(agrees(shares.steal, 0.05, 12));
  CHECK(agrees(shares.foreign, 0.5, 12));
}

TEST_CASE("a table of processor times that is none gives nothing") {
  for (const char* text : {"", "cpu", "cpu 1 2 3", "intr 1 2 3 4 5 6 7 8", "cpu a b c d e f g h"})
    CHECK_FALSE(parse_processor_times(text, 100));
  const ProcessorTimes same{1, 1, 1, 1};
  CHECK(shares_between(same, same).steal == 0);
}

TEST_CASE("placement follows the time a cache line takes") {
  CHECK(placement_of(0) == Placement::Unknown);
  CHECK(placement_of(8) == Placement::SharedCore);
  CHECK(placement_of(27) == Placement::SharedCache);
  CHECK(placement_of(170) == Placement::Apart);
}

TEST_CASE("every peak loop computes the result it must") {
  for (const auto kind : {PeakKind::Fp32, PeakKind::Bf16, PeakKind::Int8}) {
    const auto peak = peak_rate(kind, 1e-4);
    if (peak.instruction.empty()) {
      MESSAGE("skipped: this CPU has no instruction for the kind");
      continue;
    }
    CHECK(peak.verified);
    CHECK(peak.op_per_s > 0);
  }
}

TEST_CASE("the bandwidth probe reads what was written, on one thread and on two") {
  for (const int threads : {1, 2}) {
    Crew crew(threads);
    ReadBandwidth read(100000, crew);
    CHECK(read.bytes() >= 100000);
    CHECK(read.measure() > 0);  // throws when a word is wrong
  }
  alignas(64) unsigned words[256] = {};
  words[200] = 0x10u;
  CHECK(read_once(words, sizeof words) == 0x10u);
}

TEST_CASE("operations per cycle must be a multiple of half an instruction") {
  CHECK(per_cycle_check(116.9e9, 3.66e9, 32).plausible);         // 31.9: one a cycle
  CHECK(per_cycle_check(2 * 116.9e9, 3.66e9, 32).plausible);     // two a cycle
  const auto spilled = per_cycle_check(48e9, 3.66e9, 32);        // 13.1: accumulators on the stack
  CHECK_FALSE(spilled.plausible);
  CHECK(agrees(spilled.nearest, 16, 12));
}

TEST_CASE("light time is the longer of arithmetic over peak and reading at the bandwidth of the working set") {
  const LimitValues limits{100e9, 200e9, 400e9, {1e4, 1e6}, {100e9, 10e9}};
  CpuWork work;
  work.flop = 1e9;
  CHECK(agrees(light_seconds(work, limits), 0.01, 12));
  work.arithmetic = PeakKind::Bf16;
  CHECK(agrees(light_seconds(work, limits), 0.005, 12));
  work.bytes = 1e8;
  work.working_set = 1e6;
  CHECK(agrees(light_seconds(work, limits), 0.01, 12));
  CHECK(agrees(limits.bandwidth(1e5), 31.6227766017e9, 10));  // halfway in ln-ln
  CHECK(agrees(limits.bandwidth(1), 100e9, 12));
  CHECK(agrees(limits.bandwidth(1e9), 10e9, 12));
}

TEST_CASE("probes state the exact work of an operation") {
  const auto product = product_probe(30, 20, 10, Precision::Fp32, true);
  CHECK(product.work.flop == 12000);
  const auto attention = attention_probe(16, 2, 8, Precision::Fp32, false);
  CHECK(attention.work.flop == 4 * 8 * 2 * 136);  // 16 * 17 / 2 visible pairs
  CHECK(attention_probe(16, 2, 8, Precision::Fp32, true).work.flop == 10 * 8 * 2 * 136);
  Crew crew(1);
  const auto decode = decode_probe(32, 128, WeightFormat::Int4, crew);
  CHECK(decode.work.bytes == 32 * (64 + 2 * 4));  // half a byte each and an fp32 scale per 64
  for (const auto* probe : {&product, &attention, &decode}) CHECK(seconds_per_run(*probe, 0, false) > 0);
}
