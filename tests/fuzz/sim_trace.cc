// Any bytes are a trace of requests that the simulator serves, each once, or an Error.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "isoflop/error.h"
#include "isoflop/sim/requests/request_metrics.h"
#include "isoflop/sim/requests/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isoflop;
  using namespace isoflop::sim;
  static const PassTable table(
      {8, 64, 1 << 10},
      {1e-3, [](std::int64_t n) { return 1e-4 * static_cast<double>(n); }, [](std::int64_t) { return 0.0; },
       [](std::int64_t b, std::int64_t c) { return 1e-7 * static_cast<double>(b * c); },
       [](std::int64_t q, std::int64_t c) { return 1e-7 * static_cast<double>(q * (q + c)); }});
  try {
    const Trace trace = read_trace(CsvTable::parse(std::string(reinterpret_cast<const char*>(data), size), "fuzz"));
    EngineOptions engine;
    engine.max_sequences = 8;
    engine.step_tokens = 64;
    engine.blocks = 32;
    const auto served = serve_requests(table, engine, {}, trace.requests);
    const RequestMetrics m = request_metrics(served, trace.requests, {});
    if (!m.conserved || m.little_error.value_or(0) > 1e-6) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
