#include "isoflop/sim/requests/request_metrics.h"

#include <algorithm>
#include <cmath>

#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

double sorted_quantile(const std::vector<double>& sorted, double p) {
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[below + 1] - sorted[below]);
}

LatencySummary summary(std::vector<double> values) {
  if (values.empty()) return {};
  LatencySummary s;
  s.mean_s = mean(values);
  double squares = 0;
  for (double v : values) squares += (v - s.mean_s) * (v - s.mean_s);
  s.deviation_s = std::sqrt(squares / static_cast<double>(values.size()));  // over all requests, as benchmarks print it
  std::sort(values.begin(), values.end());
  s.p50_s = sorted_quantile(values, 0.5);
  s.p90_s = sorted_quantile(values, 0.9);
  s.p95_s = sorted_quantile(values, 0.95);
  s.p99_s = sorted_quantile(values, 0.99);
  s.max_s = values.back();
  return s;
}

}  // namespace

double attainment(const ServedRequests& served, const Objective& objective) {
  if (served.outcomes.empty()) return 0;
  const auto met = std::count_if(served.outcomes.begin(), served.outcomes.end(),
                                 [&](const Outcome& o) { return objective.met_by(o); });
  return static_cast<double>(met) / static_cast<double>(served.outcomes.size());
}

RequestMetrics request_metrics(const ServedRequests& served, std::span<const Request> requests,
                               const Objective& objective) {
  RequestMetrics m;
  m.requests = static_cast<std::int64_t>(requests.size());
  m.seconds = served.seconds();
  m.conserved = served.outcomes.size() == requests.size();
  std::vector<double> ttft, tpot, e2e, queue;
  double sojourn_s = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Outcome& o = served.outcomes[i];
    if (o.refused) {
      ++m.refused;
      m.conserved = m.conserved && o.finishes == 0 && o.tokens == 0;
      continue;
    }
    m.conserved = m.conserved && o.finishes == 1 && o.tokens == requests[i].output;
    ++m.finished;
    m.prompt_tokens += requests[i].prompt;
    m.output_tokens += o.tokens;
    ttft.push_back(o.ttft_s());
    if (o.tokens > 1) tpot.push_back(o.tpot_s());
    e2e.push_back(o.e2e_s());
    queue.push_back(o.admitted_s - o.arrival_s);
    sojourn_s += o.e2e_s();
  }
  m.ttft = summary(std::move(ttft));
  m.tpot = summary(std::move(tpot));
  m.e2e = summary(std::move(e2e));
  m.queue = summary(std::move(queue));
  const GapHistogram& gaps = served.gaps;
  m.itl = {gaps.mean_s(),         gaps.deviation_s(),    gaps.quantile_s(0.5), gaps.quantile_s(0.9),
           gaps.quantile_s(0.95), gaps.quantile_s(0.99), gaps.max_s()};
  const double run_s = std::max(m.seconds, 1e-300);
  m.requests_per_s = static_cast<double>(m.finished) / run_s;
  m.output_tokens_per_s = static_cast<double>(m.output_tokens) / run_s;
  m.total_tokens_per_s = static_cast<double>(m.output_tokens + m.prompt_tokens) / run_s;
  m.attainment = attainment(served, objective);
  m.goodput_per_s = m.attainment * static_cast<double>(m.requests) / run_s;
  const Timeline::Bin total = served.timeline.total();
  m.utilisation = served.totals.busy_s / (run_s * static_cast<double>(served.replicas));
  m.mean_running = total.running / run_s;
  m.mean_waiting = total.waiting / run_s;
  m.cache_occupancy = total.blocks / (run_s * static_cast<double>(std::max<std::int64_t>(1, served.blocks)));
  const ReplicaTotals& t = served.totals;
  if (t.decode_steps > 0)
    m.mean_decode_batch = static_cast<double>(t.decode_tokens) / static_cast<double>(t.decode_steps);
  if (t.prompt_tokens_wanted > 0)
    m.prefix_hit_rate = static_cast<double>(t.cached_tokens) / static_cast<double>(t.prompt_tokens_wanted);
  m.preemptions = t.preemptions;
  if (!served.disaggregated && sojourn_s > 0)
    m.little_error = std::fabs(total.running + total.waiting - sojourn_s) / sojourn_s;
  return m;
}

}  // namespace isoflop::sim
