#include "apps/serving/request_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

struct Named {
  const char* key;
  const char* words;
  LatencySummary RequestMetrics::* summary;
};

constexpr Named latencies[] = {{"ttft_s", "time to first token", &RequestMetrics::ttft},
                               {"tpot_s", "time per output token", &RequestMetrics::tpot},
                               {"itl_s", "between two tokens", &RequestMetrics::itl},
                               {"e2e_s", "end to end", &RequestMetrics::e2e},
                               {"queue_s", "waiting for admission", &RequestMetrics::queue}};

struct NamedFigure {
  const char* key;
  double LatencySummary::* figure;
};

constexpr NamedFigure figures[] = {{"mean", &LatencySummary::mean_s}, {"p50", &LatencySummary::p50_s},
                                   {"p90", &LatencySummary::p90_s},   {"p95", &LatencySummary::p95_s},
                                   {"p99", &LatencySummary::p99_s},   {"max", &LatencySummary::max_s}};

PlotSpec time_plot(const std::string& name, const std::string& title, const std::string& subtitle) {
  PlotSpec plot;
  plot.name = name;
  plot.title = title;
  plot.subtitle = subtitle;
  plot.source = "isoflop serve, request by request, central step times";
  plot.x = {"time, s", Scale::Linear, 0.0, {}};
  return plot;
}

}  // namespace

void add_request_values(Value& result, const ThreeRuns& runs, bool objective_stated) {
  const RequestMetrics& m = runs.central();
  const auto put = [&](const char* key, auto get) {
    const Estimate e = runs.range(get);
    result[key] = e.central;
    result[std::string(key) + "_interval"] = Value(e);
  };
  put("ttft_s", [](const RequestMetrics& r) { return r.ttft.p50_s; });
  put("tpot_s", [](const RequestMetrics& r) { return r.tpot.p50_s; });
  Value all = Value::object();
  for (const Named& n : latencies) {
    Value one = Value::object();
    for (const NamedFigure& f : figures) {
      const Estimate e = runs.range([&](const RequestMetrics& r) { return r.*n.summary.*f.figure; });
      one[f.key] = e.central;
      one[std::string(f.key) + "_interval"] = Value(e);
    }
    all[n.key] = one;
  }
  result["latency"] = all;
  put("requests_per_s", [](const RequestMetrics& r) { return r.requests_per_s; });
  put("output_tokens_per_s", [](const RequestMetrics& r) { return r.output_tokens_per_s; });
  put("total_tokens_per_s", [](const RequestMetrics& r) { return r.total_tokens_per_s; });
  if (objective_stated) {
    put("goodput_requests_per_s", [](const RequestMetrics& r) { return r.goodput_per_s; });
    put("attainment", [](const RequestMetrics& r) { return r.attainment; });
  }
  put("utilisation", [](const RequestMetrics& r) { return r.utilisation; });
  put("mean_decode_batch", [](const RequestMetrics& r) { return r.mean_decode_batch; });
  put("mean_running", [](const RequestMetrics& r) { return r.mean_running; });
  put("mean_waiting", [](const RequestMetrics& r) { return r.mean_waiting; });
  put("cache_occupancy", [](const RequestMetrics& r) { return r.cache_occupancy; });
  put("prefix_hit_rate", [](const RequestMetrics& r) { return r.prefix_hit_rate; });
  put("preemptions", [](const RequestMetrics& r) { return static_cast<double>(r.preemptions); });
  put("simulated_s", [](const RequestMetrics& r) { return r.seconds; });
  result["requests"] = m.requests;
  result["finished"] = m.finished;
  result["refused"] = m.refused;
  result["prompt_tokens"] = m.prompt_tokens;
  result["output_tokens"] = m.output_tokens;
  result["decode_steps"] = runs.served[1].totals.decode_steps;
  result["passes"] = runs.served[1].totals.passes;
  bool conserved = true;
  std::optional<double> little;
  for (const RequestMetrics& r : runs.metrics) {
    conserved = conserved && r.conserved;
    if (r.little_error) little = std::max(little.value_or(0), *r.little_error);
  }
  result["checks"] =
      Value::object({{"every_request_once_with_its_tokens", conserved}, {"little_relative_error", Value(little)}});
  const Timeline& line = runs.served[1].timeline;
  Value time = Value::array(), waiting = Value::array(), running = Value::array(), cache = Value::array(),
        busy = Value::array();
  for (std::size_t i = 0; i < line.bins().size(); ++i) {
    const Timeline::Bin& bin = line.bins()[i];
    time.push_back(line.bin_s() * static_cast<double>(i));
    waiting.push_back(bin.waiting / line.bin_s());
    running.push_back(bin.running / line.bin_s());
    cache.push_back(bin.blocks / line.bin_s() / static_cast<double>(std::max<std::int64_t>(1, runs.served[1].blocks)));
    busy.push_back(bin.busy / line.bin_s() / static_cast<double>(runs.served[1].replicas));
  }
  result["timeline"] = Value::object({{"bin_s", line.bin_s()},
                                      {"start_s", time},
                                      {"waiting", waiting},
                                      {"running", running},
                                      {"cache_share", cache},
                                      {"busy_share", busy}});
}

std::vector<ReportTable> request_tables(const ThreeRuns& runs, bool objective_stated) {
  const RequestMetrics& m = runs.central();
  ReportTable latency{"Latency over requests, ms, central step times",
                      {{"", "quantity", Align::Left},
                       {"mean", "mean_ms"},
                       {"p50", "p50_ms"},
                       {"p90", "p90_ms"},
                       {"p95", "p95_ms"},
                       {"p99", "p99_ms"},
                       {"max", "max_ms"}},
                      {},
                      ""};
  for (const Named& n : latencies) {
    std::vector<TableCell> row = {std::string(n.words)};
    for (const NamedFigure& f : figures) row.push_back(1e3 * (m.*n.summary.*f.figure));
    latency.rows.push_back(row);
  }
  ReportTable service{"Service",
                      {{"quantity", "quantity", Align::Left},
                       {"low", "low"},
                       {"central", "central"},
                       {"high", "high"},
                       {"unit", "unit", Align::Left}},
                      {},
                      ""};
  const auto row = [&](const char* name, const char* unit, double scale, auto get) {
    const Estimate e = runs.range(get);
    service.rows.push_back({std::string(name), scale * e.low, scale * e.central, scale * e.high, std::string(unit)});
  };
  row("time to first token, median", "ms", 1e3, [](const RequestMetrics& r) { return r.ttft.p50_s; });
  row("time to first token, p99", "ms", 1e3, [](const RequestMetrics& r) { return r.ttft.p99_s; });
  row("time per output token, median", "ms", 1e3, [](const RequestMetrics& r) { return r.tpot.p50_s; });
  row("time per output token, p99", "ms", 1e3, [](const RequestMetrics& r) { return r.tpot.p99_s; });
  row("requests finished", "1/s", 1, [](const RequestMetrics& r) { return r.requests_per_s; });
  row("output", "tokens/s", 1, [](const RequestMetrics& r) { return r.output_tokens_per_s; });
  row("prompts and output", "tokens/s", 1, [](const RequestMetrics& r) { return r.total_tokens_per_s; });
  if (objective_stated) {
    row("goodput: within every limit", "1/s", 1, [](const RequestMetrics& r) { return r.goodput_per_s; });
    row("requests within every limit", "%", 100, [](const RequestMetrics& r) { return r.attainment; });
  }
  row("replicas busy", "% of the run", 100, [](const RequestMetrics& r) { return r.utilisation; });
  row("decoding together, mean of steps", "sequences", 1, [](const RequestMetrics& r) { return r.mean_decode_batch; });
  row("waiting, mean over time", "requests", 1, [](const RequestMetrics& r) { return r.mean_waiting; });
  row("cache in use, mean over time", "%", 100, [](const RequestMetrics& r) { return r.cache_occupancy; });
  if (m.prefix_hit_rate > 0)
    row("prompt tokens found in the prefix cache", "%", 100, [](const RequestMetrics& r) { return r.prefix_hit_rate; });
  row("preemptions", "", 1, [](const RequestMetrics& r) { return static_cast<double>(r.preemptions); });
  service.note =
      "low to high: the same requests at either end of the step times' 90 % ranges; of 668 measured closed loops they "
      "hold 90 % of the "
      "TPOT but 52 % of the TTFT, which is 0.62 of the measured one on average (docs/requests.md)";
  return {latency, service};
}

ReportTable request_rows(const ServedRequests& served, std::span<const Request> requests) {
  ReportTable table{"Requests",
                    {{"arrival s", "arrival_s"},
                     {"prompt", "prompt_tokens"},
                     {"output", "output_tokens"},
                     {"TTFT s", "ttft_s"},
                     {"TPOT s", "tpot_s"},
                     {"E2E s", "e2e_s"},
                     {"queue s", "queue_s"},
                     {"preemptions", "preemptions"},
                     {"cached tokens", "cached_tokens"},
                     {"replica", "replica"},
                     {"refused", "refused"}},
                    {},
                    ""};
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Outcome& o = served.outcomes[i];
    if (o.refused) {
      table.rows.push_back({requests[i].arrival_s, requests[i].prompt, requests[i].output, TableCell(), TableCell(),
                            TableCell(), TableCell(), TableCell(), TableCell(), TableCell(), true});
      continue;
    }
    table.rows.push_back({o.arrival_s, requests[i].prompt, requests[i].output, o.ttft_s(),
                          o.tokens > 1 ? TableCell(o.tpot_s()) : TableCell(), o.e2e_s(), o.admitted_s - o.arrival_s,
                          o.preemptions, o.cached_tokens, static_cast<std::int64_t>(o.replica), false});
  }
  return table;
}

std::vector<PlotSpec> request_plots(const ThreeRuns& runs, const std::string& subtitle) {
  const Timeline& line = runs.served[1].timeline;
  PlotSpec queue = time_plot("queue", "Requests waiting and running over time", subtitle);
  queue.y = {"requests", Scale::Linear, 0.0, {}};
  queue.description = "means over equal stretches of time, all replicas together";
  LineLayer waiting{"waiting", {}, {}, Dash::Solid, 1, 2}, running{"running", {}, {}, Dash::Solid, 0, 2};
  PlotSpec cache = time_plot("cache", "Cache in use over time", subtitle);
  cache.y = {"share of the cache blocks, %", Scale::Linear, 0.0, 100.0};
  cache.description = queue.description;
  LineLayer used{"blocks in use", {}, {}, Dash::Solid, 2, 2};
  const std::size_t merged = std::max<std::size_t>(1, line.bins().size() / 128);
  for (std::size_t i = 0; i < line.bins().size(); i += merged) {
    const std::size_t end = std::min(line.bins().size(), i + merged);
    Timeline::Bin sum;
    for (std::size_t k = i; k < end; ++k) {
      sum.waiting += line.bins()[k].waiting;
      sum.running += line.bins()[k].running;
      sum.blocks += line.bins()[k].blocks;
    }
    const double width = line.bin_s() * static_cast<double>(end - i),
                 middle = line.bin_s() * 0.5 * static_cast<double>(i + end);
    waiting.x.push_back(middle);
    waiting.y.push_back(sum.waiting / width);
    running.x.push_back(middle);
    running.y.push_back(sum.running / width);
    used.x.push_back(middle);
    used.y.push_back(100 * sum.blocks / width / static_cast<double>(std::max<std::int64_t>(1, runs.served[1].blocks)));
  }
  queue.lines = {running, waiting};
  cache.lines = {used};
  return {queue, cache};
}

ReportTable sweep_table(const std::vector<SweepPoint>& points, const std::string& load_name, bool objective_stated) {
  ReportTable table{"Loads side by side, central step times",
                    {{load_name, "load"},
                     {"finished/s", "requests_per_s"},
                     {"tokens/s", "output_tokens_per_s"},
                     {"TTFT p50 ms", "ttft_p50_ms"},
                     {"p99", "ttft_p99_ms"},
                     {"TPOT p50 ms", "tpot_p50_ms"},
                     {"p99", "tpot_p99_ms"},
                     {"busy %", "busy_percent"},
                     {"waiting", "mean_waiting"}},
                    {},
                    ""};
  if (objective_stated) table.columns.push_back({"in limits %", "attainment_percent"});
  for (const SweepPoint& p : points) {
    const RequestMetrics& m = p.metrics;
    table.rows.push_back({p.load, m.requests_per_s, m.output_tokens_per_s, 1e3 * m.ttft.p50_s, 1e3 * m.ttft.p99_s,
                          1e3 * m.tpot.p50_s, 1e3 * m.tpot.p99_s, 100 * m.utilisation, m.mean_waiting});
    if (objective_stated) table.rows.back().push_back(100 * m.attainment);
  }
  return table;
}

PlotSpec sweep_plot(const std::vector<SweepPoint>& points, const std::string& load_name, const std::string& subtitle) {
  PlotSpec plot;
  plot.name = "frontier";
  plot.title = "Throughput against latency as the load grows";
  plot.subtitle = subtitle;
  plot.source = "isoflop serve --sweep, request by request, central step times; labels: " + load_name;
  plot.description =
      "one point per load; p50 and p99 over requests of the time per output token and of the time to first token";
  plot.x = {"latency, ms", Scale::Log, {}, {}};
  plot.y = {"output tokens/s", Scale::Linear, 0.0, {}};
  struct Curve {
    const char* legend;
    LatencySummary RequestMetrics::* summary;
    double LatencySummary::* figure;
    int colour;
    bool labelled;
  };
  for (const Curve& c : {Curve{"TPOT, median", &RequestMetrics::tpot, &LatencySummary::p50_s, 0, true},
                         Curve{"TPOT, p99", &RequestMetrics::tpot, &LatencySummary::p99_s, 2, false},
                         Curve{"TTFT, median", &RequestMetrics::ttft, &LatencySummary::p50_s, 1, true},
                         Curve{"TTFT, p99", &RequestMetrics::ttft, &LatencySummary::p99_s, 3, false}}) {
    LineLayer line{c.legend, {}, {}, Dash::Solid, c.colour, 2};
    PointLayer marks;
    marks.colour = c.colour;
    marks.size = 0.7;
    for (const SweepPoint& p : points) {
      line.x.push_back(1e3 * (p.metrics.*c.summary.*c.figure));
      line.y.push_back(p.metrics.output_tokens_per_s);
      marks.names.push_back(format_number(p.load, 3));
      marks.labelled.push_back(c.labelled);
    }
    marks.x = line.x;
    marks.y = line.y;
    plot.lines.push_back(line);
    plot.points.push_back(marks);
  }
  return plot;
}

}  // namespace isoflop::app
