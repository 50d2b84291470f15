// Any bytes are a table of inference or serving runs, a profile of engines, or an Error; what is read has finite
// floors.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "isoflop/error.h"
#include "isoflop/sim/engines/engine_profile.h"
#include "isoflop/sim/engines/inference_table.h"
#include "isoflop/sim/engines/serving_table.h"

namespace {

template <typename Read>
void attempt(const Read& read) {
  try {
    read();
  } catch (const isoflop::Error&) {
  }
}

void check(const isoflop::sim::EngineSamples& read) {
  for (const auto& s : read.samples)
    if (!(s.floor >= 0) || !(s.measured() > 0)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isoflop;
  const std::string text(reinterpret_cast<const char*>(data), size);
  attempt([&] { sim::EngineProfile::from_json(parse_json(text, "fuzz"), "fuzz"); });
  attempt([&] {
    const auto table = CsvTable::parse(text, "fuzz");
    attempt([&] { check(sim::read_inference_table(table, {})); });
    attempt([&] { check(sim::read_serving_table(table, {})); });
    attempt([&] { sim::EngineProfile::from(table, CsvTable::parse("group\n", "groups")); });
  });
  return 0;
}
