// How fast requests are simulated: decode steps per second of processor time, with nothing but decoding, with a batch
// that changes at almost every step, and with prompts mixed in at saturation. Ends with a table of times from the
// closed form.
#include <fmt/format.h>

#include <ctime>

#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/sim/requests/closed_form_passes.h"
#include "isoflop/sim/requests/request_metrics.h"
#include "isoflop/sim/requests/workload.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

double cpu_s() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void measure(const char* name, const PassTable& table, const EngineOptions& engine, const WorkloadOptions& workload,
             std::int64_t concurrency) {
  const auto requests = make_requests(workload, 1);
  const double start = cpu_s();
  const auto served = serve_requests(table, engine, {}, requests, concurrency);
  const double spent = cpu_s() - start;
  const RequestMetrics m = request_metrics(served, requests, {});
  fmt::print("{:34} {:8} requests {:9} decode steps, mean batch {:6.1f}: {:7.3f} s, {:.2e} steps/s\n", name, m.requests,
             served.totals.decode_steps, m.mean_decode_batch, spent,
             static_cast<double>(served.totals.decode_steps) / spent);
}

}  // namespace

int main() {
  const auto model = named_architecture("llama-3-8b", {}).architecture;
  const auto device = AcceleratorCatalogue::load().require("h100");
  const StepPricer pricer(model, device, OpProfile::load());
  const double start = cpu_s();
  const PassTables tables = price_passes(pricer, {}, {256, 2048, 32768});
  fmt::print("three tables of pass times: {:.3f} s\n", cpu_s() - start);
  EngineOptions engine;
  engine.blocks = 28000;
  WorkloadOptions w;
  w.rate_per_s = 0;
  w.requests = 10000;
  w.prompt_mean = 64;
  w.output_mean = 16000;
  measure("long answers, equal", tables.central, engine, w, 16);
  w.lengths = LengthShape::LogNormal;
  w.longest = 16000;
  w.output_mean = 2000;
  measure("answers of all lengths, 16 clients", tables.central, engine, w, 16);
  w.output_mean = 256;
  w.prompt_mean = 16;
  measure("short chats, 256 clients", tables.central, engine, w, 256);
  w.prompt_mean = 1024;
  measure("long prompts, saturated", tables.central, engine, w, 256);
  w.rate_per_s = 8;
  measure("open loop at 8 requests/s", tables.central, engine, w, 0);
  return 0;
}
