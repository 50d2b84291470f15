#include "isoflop/sim/op/op_time.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const AcceleratorCatalogue& chips() {
  static const auto catalogue = AcceleratorCatalogue::load();
  return catalogue;
}
const OpProfile& profile() {
  static const auto loaded = OpProfile::load();
  return loaded;
}

}  // namespace

TEST_CASE("every chip of the catalogue prices a 16-bit product, above its floor and inside its interval") {
  for (const auto& chip : chips().all()) {
    if (!chip.bf16_flop_per_s && !chip.fp16_flop_per_s) continue;
    CAPTURE(chip.id);
    const OpTimer timer(chip, profile());
    for (std::int64_t m : {1, 16, 512, 8192}) {
      const OpTime t = timer.time(GemmShape{m, 4096, 4096, KernelFormat::Bf16});
      CHECK(t.seconds > 0);
      CHECK(t.utilisation > 0);
      CHECK(t.utilisation <= 1);
      CHECK(t.low_s <= t.seconds);
      CHECK(t.high_s >= t.seconds);
      CHECK_FALSE(t.origin.empty());
    }
  }
}

TEST_CASE("a measured chip says so, an unmeasured one says whose constants it borrows and is less sure") {
  const OpTimer h100(chips().require("h100-sxm-80gb"), profile());
  const OpTimer mi300(chips().require("mi300x"), profile());
  const OpTime known = h100.time(GemmShape{4096, 4096, 4096, KernelFormat::Bf16});
  const OpTime borrowed = mi300.time(GemmShape{4096, 4096, 4096, KernelFormat::Bf16});
  CHECK(known.basis == Basis::Measured);
  CHECK(std::string(known.origin).find("h100-sxm-80gb") != std::string::npos);
  CHECK(borrowed.basis == Basis::Borrowed);
  CHECK(std::string(borrowed.origin).find("no measured kernels for mi300x") != std::string::npos);
  CHECK(borrowed.high_s / borrowed.low_s > known.high_s / known.low_s);
}

TEST_CASE("data-sheet timing uses no measured constant and has the widest interval") {
  const auto& chip = chips().require("h100-sxm-80gb");
  const OpTimer measured(chip, profile()), generic(chip, profile(), {}, true);
  const GemmShape shape{2048, 4096, 4096, KernelFormat::Bf16};
  CHECK(generic.time(shape).basis == Basis::Datasheet);
  CHECK(generic.time(shape).high_s / generic.time(shape).low_s >
        measured.time(shape).high_s / measured.time(shape).low_s);
}

TEST_CASE("the profile survives being written and read") {
  const auto again = OpProfile::from(CsvTable::parse(profile().cells_csv(), "cells"),
                                     CsvTable::parse(profile().groups_csv(), "groups"));
  CHECK(again.cells_csv() == profile().cells_csv());
  CHECK(again.groups_csv() == profile().groups_csv());
  CHECK(profile().cells().size() > 10);
}
