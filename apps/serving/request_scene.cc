#include "apps/serving/request_scene.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/requests/trace.h"

namespace isoflop::app {

using namespace isoflop::sim;

RequestScene request_scene(const ServeOptions& serving, const RequestOptions& options, const Settings& settings,
                           Report& report) {
  RequestScene scene;
  WorkloadOptions& w = scene.workload;
  w.requests = options.requests.value_or(1000);
  w.rate_per_s = options.rate.value_or(0);
  w.arrivals = static_cast<ArrivalProcess>(
      std::find(arrival_process_names.begin(), arrival_process_names.end(), options.arrivals) -
      arrival_process_names.begin());
  w.burstiness = options.burstiness;
  if (w.burstiness != 1 && w.arrivals == ArrivalProcess::Poisson) w.arrivals = ArrivalProcess::Gamma;
  w.lengths = static_cast<LengthShape>(
      std::find(length_shape_names.begin(), length_shape_names.end(), options.lengths) - length_shape_names.begin());
  w.prompt_mean = static_cast<double>(serving.prompt);
  w.output_mean = static_cast<double>(serving.generate);
  w.spread = options.spread;
  w.prefix_share = options.prefix_share;
  w.prefix_groups = options.prefix_groups;
  scene.concurrency = options.concurrency.value_or(0);
  scene.fleet.replicas = options.replicas;
  scene.fleet.prefill_replicas = options.prefill_replicas;
  scene.fleet.routing = static_cast<RoutingPolicy>(
      std::find(routing_names.begin(), routing_names.end(), options.routing) - routing_names.begin());
  scene.objective = {options.slo_ttft, options.slo_tpot, options.slo_e2e};
  if (options.trace.empty()) {
    scene.requests = make_requests(w, settings.seed);
    report.seed = settings.seed;
  } else {
    const CsvTable table = CsvTable::read(options.trace);
    const Trace trace = read_trace(table);
    scene.requests = trace.requests;
    report.inputs.push_back({options.trace, table.sha256(), trace.requests.size(), trace.skipped});
    if (trace.skipped > 0)
      report.warnings.push_back(
          fmt::format("{} requests of the trace have no prompt or no output and were left out", trace.skipped));
    scene.own_times = !options.rate && !options.concurrency && !options.max_rate;
    if (scene.own_times && !trace.has_times)
      throw Error(Fault::Usage, options.trace + " has no column TIMESTAMP: add --rate or --concurrency");
    const auto count = static_cast<std::int64_t>(scene.requests.size());
    w.requests = options.requests.value_or(count);
    if (scene.own_times && w.requests > count)
      throw Error(Fault::Usage,
                  fmt::format("--requests {}: the trace has {}; with --rate or --concurrency they are drawn again",
                              w.requests, count));
    if (w.requests != count) scene.requests = resample(scene.requests, w.requests, settings.seed);
    if (!scene.own_times) {
      replace_arrivals(scene.requests, w, settings.seed);
      if (scene.concurrency == 0 || w.requests > count) report.seed = settings.seed;
    }
  }
  scene.load_words = scene.concurrency > 0 ? fmt::format("{} clients", scene.concurrency)
                     : scene.own_times     ? "arrivals of the trace"
                                           : fmt::format("{} requests/s ({})", format_number(w.rate_per_s, 4),
                                                         arrival_process_names[static_cast<std::size_t>(w.arrivals)]);
  return scene;
}

}  // namespace isoflop::app
