// Any bytes are the plan of a sweep that writes itself again, or an Error.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "isoflop/error.h"
#include "isoflop/sim/sweep/sweep_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static const isoflop::sim::SweepPlan plan{isoflop::sim::SweepSettings{}};
  try {
    if (isoflop::sim::SweepPlan::from_json(text, "fuzz").json() != text) std::abort();
  } catch (const isoflop::Error&) {
  }
  try {
    (void)isoflop::sim::read_record(text, "fuzz", plan);
  } catch (const isoflop::Error&) {
  }
  return 0;
}
