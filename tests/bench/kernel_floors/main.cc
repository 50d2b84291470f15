// The kernel against the floors it must reach, in one run of at most eight minutes on a quiet machine: limits and
// rivals are measured between our own windows, medians count, disturbed windows are dropped. Prints one line per floor:
// PASS, MISS, or INCONCLUSIVE where repeats disagree.
//
// usage: bench_kernel_floors [products] [training] [loss] [decode] [calibration]            (default: all)
//        with decode also [fp32] [bf16] [int8] [int4], with training [fp32] [bf16] and
//        shapes: [4x256] [12x768-T512] ...
#include <fmt/format.h>

#include <cstdio>

#include "floors.h"
#include "isoflop/sim/machine/core_placement.h"
#include "isoflop/sim/machine/machine_facts.h"

using namespace isoflop::sim;

int main(int argc, char** argv) {
  const double began = wall_seconds();
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 12);
  const Words words(argv + 1, argv + argc);
  const auto wanted = [&](const char* part) { return words.empty() || words.count(part) > 0; };
  fmt::print("{}, {}; placement now: {}\n", processor_name(), instruction_set_name(instruction_set()),
             placement_name(current_placement()));
  line("floor", "measured", "bar", "verdict", "");
  if (wanted("products")) judge_products();
  if (wanted("decode")) judge_decoding(words);
  if (wanted("training")) judge_training(words);
  if (wanted("loss")) judge_loss();
  if (wanted("calibration")) judge_calibration();
  fmt::print("{} PASS, {} MISS, {} INCONCLUSIVE in {:.0f} s\n", counts().passes, counts().misses, counts().unknown,
             wall_seconds() - began);
}
