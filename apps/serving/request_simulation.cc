#include "apps/serving/request_simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "apps/serving/request_report.h"
#include "apps/serving/request_scene.h"
#include "apps/serving/serve_report.h"
#include "isoflop/error.h"
#include "isoflop/model/parameters.h"
#include "isoflop/number_text.h"
#include "isoflop/parallel.h"
#include "isoflop/sim/requests/closed_form_passes.h"
#include "isoflop/sim/requests/vllm_json.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

// One 400 Gb/s network adapter per device, and a start-up as of a small message. Assumed.
constexpr double default_link_bytes_per_s = 50e9, transfer_start_s = 1e-3;

class RequestStudy {
 public:
  RequestStudy(const Architecture& architecture, const Accelerator& device, const ServeOptions& serving,
               const RequestOptions& options, const Settings& settings, Report& report)
      : device_(device),
        serving_(serving),
        options_(options),
        settings_(settings),
        report_(report),
        load_(serving.load()),
        pricer_(architecture, device, OpProfile::load(settings.data)),
        memory_(architecture, device),
        scene_(request_scene(serving, options, settings, report)) {
    EngineOptions& engine = scene_.engine;
    engine.max_sequences = options.max_sequences;
    engine.step_tokens = options.step_tokens;
    engine.block_tokens = options.block;
    engine.prefill_first = options.prefill_first;
    engine.prefix_cache = !options.no_prefix_cache;
    room_ = cache_room(architecture, device, memory_, load_, options.max_sequences, options.step_tokens, options.block);
    engine.blocks = room_.blocks;
    engine.window_tokens = room_.window_tokens;
    const double link = options.kv_link.value_or(default_link_bytes_per_s * static_cast<double>(load_.devices()));
    scene_.fleet.transfer_fixed_s = transfer_start_s;
    scene_.fleet.transfer_s_per_token =
        static_cast<double>(kv_elements_per_token(architecture)) * load_.kv_bytes() / link;
  }

  void answer() {
    describe();
    if (room_.blocks < 1) {
      report_.result["fits_in_memory"] = false;
      report_.distrust =
          fmt::format("no room for a cache: weights, activations and workspace need {} more than {} x {} have",
                      format_bytes(-room_.bytes), load_.devices(), device_.id);
      return;
    }
    report_.result["fits_in_memory"] = true;
    PassLimits limits;
    limits.sequences = options_.max_sequences;
    limits.tokens = options_.step_tokens;
    limits.context = 1;
    for (const Request& r : scene_.requests) limits.context = std::max(limits.context, r.prompt + r.output);
    if (options_.prefill_first) limits.tokens = std::max(limits.tokens, limits.context);
    tables_ = std::make_unique<PassTables>(price_passes(pricer_, load_, limits));
    if (options_.max_rate || options_.min_replicas) find_capacity();
    ThreeRuns runs;
    parallel_for(3, settings_.threads, [&](std::size_t i) {
      runs.served[i] = run(table(i), scene_.requests, scene_.fleet, scene_.concurrency);
      runs.metrics[i] = request_metrics(runs.served[i], scene_.requests, scene_.objective);
    });
    report(runs);
    if (options_.sweep) sweep();
    if (!options_.vllm_json.empty()) {
      BenchmarkFacts facts{pricer_.architecture().name, std::nullopt, scene_.workload.burstiness, options_.concurrency,
                           scene_.objective.stated()};
      if (scene_.workload.rate_per_s > 0) facts.request_rate = scene_.workload.rate_per_s;
      write_file(options_.vllm_json,
                 to_json(vllm_benchmark_json(runs.central(), runs.served[1], scene_.requests, facts)) + "\n");
    }
  }

 private:
  const PassTable& table(std::size_t end) const {
    return end == 0 ? tables_->low : end == 1 ? tables_->central : tables_->high;
  }

  ServedRequests run(const PassTable& table, std::span<const Request> requests, const FleetOptions& fleet,
                     std::int64_t concurrency) const {
    return serve_requests(table, scene_.engine, fleet, requests, concurrency);
  }

  std::vector<Request> at_rate(double rate) const {
    std::vector<Request> requests = scene_.requests;
    WorkloadOptions workload = scene_.workload;
    workload.rate_per_s = rate;
    replace_arrivals(requests, workload, settings_.seed);
    return requests;
  }

  /// Requests per second when all arrive at once.
  double saturation() const {
    const auto requests = at_rate(0);
    return request_metrics(run(table(1), requests, scene_.fleet, 0), requests, {}).requests_per_s;
  }

  std::string where() const {
    const FleetOptions& f = scene_.fleet;
    const std::string each = where_text(load_, device_);
    if (f.prefill_replicas > 0)
      return fmt::format("{} prefill and {} decode replicas of {}", f.prefill_replicas, f.replicas, each);
    return f.replicas == 1 ? each : fmt::format("{} replicas of {}", f.replicas, each);
  }
  std::string subtitle() const {
    return fmt::format("{} on {}, {} weights", pricer_.architecture().name, where(), serving_.weights);
  }

  void describe() {
    report_.result["load"] = Value::object({{"requests", static_cast<std::int64_t>(scene_.requests.size())},
                                            {"rate_per_s", Value(options_.rate)},
                                            {"concurrency", Value(options_.concurrency)},
                                            {"weights", serving_.weights},
                                            {"kv", serving_.kv},
                                            {"compute", serving_.compute},
                                            {"tensor_parallel", load_.tensor_parallel},
                                            {"expert_parallel", load_.expert_parallel}});
    report_.result["engine"] = Value::object({{"max_sequences", options_.max_sequences},
                                              {"step_tokens", options_.step_tokens},
                                              {"block_tokens", options_.block},
                                              {"cache_blocks", room_.blocks},
                                              {"cache_bytes", std::max(0.0, room_.bytes)},
                                              {"prefill_first", options_.prefill_first},
                                              {"prefix_cache", !options_.no_prefix_cache}});
    report_.result["fleet"] = Value::object({{"replicas", options_.replicas},
                                             {"prefill_replicas", options_.prefill_replicas},
                                             {"routing", options_.routing}});
    report_.assumptions = serving_assumptions(load_, {});
    report_.assumptions.push_back(
        {"step_times", "closed form of serve, tabulated", "",
         "low and high: its ranges for single kernels, all erring alike. Against 668 measured closed loops of dense "
         "models: TPOT 15.1 % off "
         "(mean), 90 % inside; TTFT 39.5 % off, 52 % inside, 0.62 of measured in the geometric mean"});
    report_.assumptions.push_back(
        {"scheduling", options_.prefill_first ? "whole prompts first" : "prompt pieces beside decoding", "",
         "first come first served; preempted sequences recompute; modelled on vLLM's documented scheduler"});
    report_.assumptions.push_back(
        {"cache", "memory left by weights, activations of a pass, and the rest", "", "memory model of serve"});
    if (room_.window_tokens > 0)
      report_.assumptions.push_back({"window_tokens", room_.window_tokens, "tokens",
                                     "every layer sees a window: sequences keep no more; prefixes are not shared"});
    if (options_.prefill_replicas > 0) {
      report_.assumptions.push_back(
          {"kv_link", options_.kv_link.value_or(default_link_bytes_per_s * static_cast<double>(load_.devices())),
           "B/s", options_.kv_link ? "--kv-link" : "assumed: one 400 Gb/s adapter per device"});
      report_.assumptions.push_back({"transfer_start", transfer_start_s, "s", "assumed"});
    }
  }

  void find_capacity() {
    const double most = options_.max_rate ? saturation() : 0;
    std::array<Capacity, 3> found;
    parallel_for(3, settings_.threads, [&](std::size_t i) {
      if (options_.max_rate) {
        found[i] = largest_rate([&](double rate) {
          const double share = attainment(run(table(i), at_rate(rate), scene_.fleet, 0), scene_.objective);
          return CapacityTrial{rate, share, share >= options_.attainment};
        }, most / 1000, most * 100);
      } else {
        found[i] = fewest_replicas([&](double replicas) {
          FleetOptions fleet = scene_.fleet;
          fleet.replicas = static_cast<std::int64_t>(replicas);
          const double share = attainment(run(table(i), scene_.requests, fleet, scene_.concurrency), scene_.objective);
          return CapacityTrial{replicas, share, share >= options_.attainment};
        }, 4096);
      }
    });
    const Capacity& central = found[1];
    Value trials = Value::array();
    for (const CapacityTrial& t : central.trials)
      trials.push_back(Value::object({{options_.max_rate ? "rate_per_s" : "replicas", t.load},
                                      {"attainment", t.attainment},
                                      {"passes", t.passes}}));
    Value capacity = Value::object({{"attainment", options_.attainment}, {"trials", trials}});
    const char* key = options_.max_rate ? "max_rate_per_s" : "min_replicas";
    capacity[key] = Value(central.best);
    capacity[std::string(key) + "_interval"] = Value::object({{"low", Value(found[options_.max_rate ? 2 : 0].best)},
                                                              {"high", Value(found[options_.max_rate ? 0 : 2].best)}});
    report_.result["capacity"] = capacity;
    const auto words = [](const std::optional<double>& v) { return v ? format_number(*v, 3) : std::string("none"); };
    if (!central.best) {
      report_.distrust = options_.max_rate
                             ? "no rate meets the limits; what follows is the least rate tried"
                             : "no number of replicas up to 4096 meets the limits; what follows is 4096 of them";
      if (options_.max_rate) scene_.workload.rate_per_s = most / 1000;
    } else if (options_.max_rate) {
      scene_.workload.rate_per_s = *central.best;
      if (!central.failing)
        report_.warnings.push_back("the limits hold however fast these requests arrive: ask for more --requests");
    }
    if (options_.max_rate) {
      scene_.requests = at_rate(scene_.workload.rate_per_s);
      scene_.load_words = fmt::format("{} requests/s", format_number(scene_.workload.rate_per_s, 3));
      const std::string kept = format_number(100 * options_.attainment, 4);
      capacity_words_ =
          central.best
              ? fmt::format("Largest rate that keeps {}% of requests within the limits: {} requests/s ({} to {}). ",
                            kept, words(central.best), words(found[2].best), words(found[0].best))
              : fmt::format("No rate keeps {}% of requests within the limits. ", kept);
    } else {
      scene_.fleet.replicas = static_cast<std::int64_t>(central.best.value_or(4096));
      const std::string kept = format_number(100 * options_.attainment, 4);
      capacity_words_ =
          central.best
              ? fmt::format("Fewest replicas that keep {}% of requests within the limits: {} ({} to {}). ", kept,
                            words(central.best), words(found[0].best), words(found[2].best))
              : fmt::format("No number of replicas keeps {}% of requests within the limits. ", kept);
    }
  }

  void report(const ThreeRuns& runs) {
    const RequestMetrics& m = runs.central();
    add_request_values(report_.result, runs, scene_.objective.stated());
    const auto span = [&](auto get) {
      const Estimate e = runs.range(get);
      return fmt::format("{} ({} to {})", format_duration_s(e.central), format_duration_s(e.low),
                         format_duration_s(e.high));
    };
    report_.headline = fmt::format(
        "{}{}, {}: median first token after {}, then one every {}; {} output tokens/s.", capacity_words_, subtitle(),
        scene_.load_words, span([](const RequestMetrics& r) { return r.ttft.p50_s; }),
        span([](const RequestMetrics& r) { return r.tpot.p50_s; }), format_number(m.output_tokens_per_s, 3));
    report_.tables = request_tables(runs, scene_.objective.stated());
    const auto price = options_price();
    const double devices =
        static_cast<double>((scene_.fleet.replicas + scene_.fleet.prefill_replicas) * load_.devices());
    if (price) {
      const auto usd = [&](const RequestMetrics& r) {
        return r.output_tokens_per_s > 0 ? devices * *price / 3600 / r.output_tokens_per_s * 1e6 : 0;
      };
      const Estimate e = runs.range(usd);
      report_.result["cost_usd_per_million_tokens"] = e.central;
      report_.result["cost_usd_per_million_tokens_interval"] = Value(e);
      report_.tables[1].rows.push_back(
          {std::string("price per million output tokens"), e.low, e.central, e.high, std::string("USD")});
      report_.assumptions.push_back(
          {"usd_per_device_hour", *price, "USD/h", serving_.price ? "--price" : device_.price_source});
    }
    report_.data_table = request_rows(runs.served[1], scene_.requests);
    report_.plots = request_plots(runs, subtitle() + ", " + scene_.load_words);
    if (scene_.concurrency == 0 && backlog_grows(runs.served[1], m))
      report_.warnings.push_back(
          "requests arrive faster than they are served: waiting times grow with the length of the list");
    if (m.refused > 0)
      report_.warnings.push_back(
          fmt::format("{} of {} requests were refused: their cache alone exceeds a replica", m.refused, m.requests));
    if (m.finished == 0)
      report_.distrust = "every request was refused: the cache of one exceeds the memory of a replica";
    for (const RequestMetrics& r : runs.metrics)
      if (!r.conserved || r.little_error.value_or(0) > 1e-6)
        report_.distrust = "the simulation lost count of its requests or their time";
  }

  /// The last quarter to arrive waits longer than the first half did, by more than chance makes of short waits.
  static bool backlog_grows(const ServedRequests& served, const RequestMetrics& m) {
    std::vector<std::pair<double, double>> waits;
    for (const Outcome& o : served.outcomes)
      if (!o.refused) waits.emplace_back(o.arrival_s, o.admitted_s - o.arrival_s);
    std::sort(waits.begin(), waits.end());
    const auto mean_wait = [&](std::size_t from, std::size_t to) {
      double sum = 0;
      for (std::size_t i = from; i < to; ++i) sum += waits[i].second;
      return to > from ? sum / static_cast<double>(to - from) : 0;
    };
    const double late = mean_wait(3 * waits.size() / 4, waits.size());
    return late > 2 * mean_wait(0, waits.size() / 2) && late > 0.1 * m.e2e.mean_s;
  }

  std::optional<double> options_price() const { return serving_.price ? serving_.price : device_.price_usd_per_hour; }

  void sweep() {
    std::vector<double> loads;
    const bool clients = scene_.concurrency > 0;
    if (clients) {
      for (std::int64_t c = 1; c < scene_.concurrency; c *= 2) loads.push_back(static_cast<double>(c));
      loads.push_back(static_cast<double>(scene_.concurrency));
    } else {
      const double most = saturation();
      for (int i = 1; i <= 12; ++i) loads.push_back(most * i / 10);
    }
    std::vector<SweepPoint> points(loads.size());
    parallel_for(loads.size(), settings_.threads, [&](std::size_t i) {
      const auto requests = clients ? scene_.requests : at_rate(loads[i]);
      points[i] = {loads[i], request_metrics(run(table(1), requests, scene_.fleet,
                                                 clients ? static_cast<std::int64_t>(loads[i]) : 0),
                                             requests, scene_.objective)};
    });
    const std::string name = clients ? "clients" : "requests/s";
    report_.tables.push_back(sweep_table(points, name, scene_.objective.stated()));
    if (!clients) report_.tables.back().note = "0.1 to 1.2 times the rate served when all requests arrive at once";
    report_.plots.insert(report_.plots.begin(), sweep_plot(points, name, subtitle()));
    Value rows = Value::array();
    for (const SweepPoint& p : points)
      rows.push_back(Value::object({{clients ? "concurrency" : "rate_per_s", p.load},
                                    {"requests_per_s", p.metrics.requests_per_s},
                                    {"output_tokens_per_s", p.metrics.output_tokens_per_s},
                                    {"ttft_p50_s", p.metrics.ttft.p50_s},
                                    {"ttft_p99_s", p.metrics.ttft.p99_s},
                                    {"tpot_p50_s", p.metrics.tpot.p50_s},
                                    {"tpot_p99_s", p.metrics.tpot.p99_s},
                                    {"attainment", p.metrics.attainment},
                                    {"utilisation", p.metrics.utilisation}}));
    report_.result["sweep"] = rows;
  }

  const Accelerator& device_;
  const ServeOptions& serving_;
  const RequestOptions& options_;
  const Settings& settings_;
  Report& report_;
  ServingLoad load_;
  StepPricer pricer_;
  MemoryModel memory_;
  RequestScene scene_;
  CacheRoom room_;
  std::unique_ptr<PassTables> tables_;
  std::string capacity_words_;
};

}  // namespace

void answer_requests(const Architecture& architecture, const Accelerator& device, const ServeOptions& serving,
                     const RequestOptions& options, const Settings& settings, Report& report) {
  RequestStudy(architecture, device, serving, options, settings, report).answer();
}

}  // namespace isoflop::app
