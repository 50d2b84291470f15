#include "isoflop/sim/training/whole_run.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "isoflop/catalogue/named_architecture.h"

using namespace isoflop;
using namespace isoflop::sim;

TEST_CASE("device-hours of a whole run are 6ND over the peak at the utilisation of other families' runs") {
  const auto devices = AcceleratorCatalogue::load();
  const auto table = PublishedTable::load();
  const MfuPrior prior(observed_runs(table.all(), devices));
  TrainingRun run;
  run.architecture = named_architecture("llama-2-70b").architecture;
  run.accelerator = devices.require("a100-sxm-80gb");
  run.tokens = 2e12;
  const auto families = published_families_of("llama-2-70b", table);
  REQUIRE(families.size() >= 1);
  const auto hours = whole_run_hours(run, prior, families);
  // The exact count of the model, 312 TFLOP/s, and the stated utilisation.
  CHECK(agrees(hours.device_hours.central, 6 * 68976648192.0 * 2e12 / (312e12 * hours.mfu.median * 3600), 9));
  // The owner printed 1,720,320; the family did not count.
  CHECK(hours.device_hours.low < 1720320);
  CHECK(hours.device_hours.high > 1720320);
  CHECK(whole_run_hours(run, prior).mfu.runs > hours.mfu.runs);
  CHECK(published_families_of("no-such-model", table).empty());
  // 3 % a year of utilisation: a run of July 2023 was half a year beyond the two that an undated one counts as.
  const auto dated = whole_run_hours(run, prior, families, "2023-07-18");
  const double years = 2023 + 6 / 12.0 - static_cast<double>(*run.accelerator.year) - 0.5 - 2;
  CHECK(years > 0);
  CHECK(agrees(dated.device_hours.central, hours.device_hours.central * std::exp(-0.03 * years), 9));
}
