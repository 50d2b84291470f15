// Any bytes are a distribution, a grid series, a CodeCarbon file, a table of published runs or of claims, or an Error.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "isoflop/error.h"
#include "isoflop/sim/footprint/codecarbon.h"
#include "isoflop/sim/footprint/cohort.h"
#include "isoflop/sim/footprint/distribution.h"
#include "isoflop/sim/footprint/published.h"
#include "isoflop/sim/footprint/schedule.h"

namespace {

template <typename Read>
void attempt(const Read& read) {
  try {
    read();
  } catch (const isoflop::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isoflop;
  const std::string text(reinterpret_cast<const char*>(data), size);
  attempt([&] {
    const auto d = sim::Distribution::parse(text, "fuzz");
    if (d.quantile(0.2) > d.quantile(0.8)) std::abort();
  });
  attempt([&] {
    const auto table = CsvTable::parse(text, "fuzz");
    attempt([&] { sim::read_grid_series(table); });
    attempt([&] { sim::read_emissions(table); });
    attempt([&] { sim::PublishedTable::from(table); });
    attempt([&] { sim::read_claims(table); });
  });
  return 0;
}
