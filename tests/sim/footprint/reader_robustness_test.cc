// Mutated tables and texts are read or refused with an Error; nothing else. A quick, fixed-seed sibling of the fuzzer.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "isoflop/error.h"
#include "isoflop/random.h"
#include "isoflop/sim/footprint/codecarbon.h"
#include "isoflop/sim/footprint/cohort.h"
#include "isoflop/sim/footprint/schedule.h"
#include "isoflop/sim/footprint/sites.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

std::string mutated(std::string text, Random& random) {
  static const std::string pieces = "0123456789.,-+:TZeE\"\n\r %abkMBG#;";
  for (std::size_t edits = 1 + random.index(6); edits > 0 && !text.empty(); --edits) {
    const std::size_t at = random.index(text.size());
    const char c = pieces[random.index(pieces.size())];
    const std::size_t kind = random.index(3);
    if (kind == 0)
      text[at] = c;
    else if (kind == 1)
      text.insert(at, 1, c);
    else
      text.erase(at, 1 + random.index(4));
  }
  return text;
}

template <typename Read>
int attempt(const Read& read) {
  try {
    read();
    return 1;
  } catch (const Error&) {
    return 0;
  }
}

}  // namespace

TEST_CASE("mutated footprint files and distributions are read or refused, never anything else") {
  const std::vector<std::string> seeds = {
      "time,gco2e_per_kwh,marginal_gco2e_per_kwh\n2020-02-28T23:00+01:00,100,5\n2020-02-29T00:00+01:00,200,6\n",
      "timestamp,run_id,duration,emissions,cpu_power,cpu_energy,energy_consumed,gpu_count,pue\nt,a,3600,0.4,42.5,0.1,1,"
      "1,1.1\n",
      "model,params,tokens,accelerator,accelerator_hours,energy_mwh\nX,1e9,2e12,H100,1e5,70\n",
      "model,training_flop,claimed_tco2e\nllama-2-7b,1.6e22,31\n",
      "provider,region,pue,onsite_water_l_per_kwh\nA,b,1.1,0.2\n",
      "1.2:1.4:1.82"};
  Random random(17);
  int read = 0;
  for (int i = 0; i < 6000; ++i) {
    const std::string text = mutated(seeds[random.index(seeds.size())], random);
    read += attempt([&] {
      const auto d = Distribution::parse(text, "mutated");
      CHECK(d.quantile(0.2) <= d.quantile(0.8));
    });
    read += attempt([&] {
      const auto table = CsvTable::parse(text, "mutated");
      int kinds = 0;
      kinds += attempt([&] { read_grid_series(table); });
      kinds += attempt([&] { read_emissions(table); });
      kinds += attempt([&] { PublishedTable::from(table); });
      kinds += attempt([&] { read_claims(table); });
      kinds += attempt([&] { SiteCatalogue::from(table); });
      if (kinds == 0) throw Error(Fault::BadInput, "no kind");
    });
  }
  CHECK(read > 500);  // the seeds are valid: most single edits leave them so
}
