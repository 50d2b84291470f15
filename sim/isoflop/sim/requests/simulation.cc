#include "isoflop/sim/requests/simulation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <queue>
#include <utility>

#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

constexpr double never_s = std::numeric_limits<double>::infinity();

void check(const PassTable& table, const EngineOptions& engine, const FleetOptions& fleet,
           std::span<const Request> requests, std::int64_t concurrency) {
  const auto refuse = [](const std::string& text) { throw Error(Fault::Usage, text); };
  if (engine.max_sequences < 1 || engine.step_tokens < 1 || engine.block_tokens < 1)
    refuse("sequences, tokens of a pass and tokens of a block must be at least 1");
  if (engine.blocks < 1) refuse("no memory is left for the cache: not one block fits beside weights and activations");
  if (engine.step_tokens < engine.max_sequences)
    refuse("a pass must have room for a token of every sequence: " + std::to_string(engine.step_tokens) + " tokens, " +
           std::to_string(engine.max_sequences) + " sequences");
  if (fleet.replicas < 1 || fleet.prefill_replicas < 0 || concurrency < 0)
    refuse("replicas must be at least 1, concurrency at least 0");
  if (fleet.replicas + fleet.prefill_replicas > 100000) refuse("more than 100000 replicas");
  if (engine.max_sequences > table.limits().sequences || engine.step_tokens > table.limits().tokens)
    refuse("passes larger than the table of their times");
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Request& r = requests[i];
    const auto bad = [&](const std::string& text) {
      throw Error(Fault::BadInput, "request " + std::to_string(i + 1) + ": " + text);
    };
    if (!(r.arrival_s >= 0) || !std::isfinite(r.arrival_s)) bad("its arrival must be a finite time of at least 0");
    if (r.prompt < 1 || r.output < 1) bad("prompt and output must be at least 1 token");
    if (r.prefix_tokens < 0) bad("a shared prefix cannot be shorter than 0 tokens");
    if (r.prompt > table.limits().context || r.output > table.limits().context - r.prompt)
      bad("longer than the longest context priced");
    if (engine.prefill_first && r.prompt + r.output > table.limits().tokens)
      bad("a whole prompt is longer than the largest pass priced");
  }
}

class Fleet {
 public:
  Fleet(const PassTable& table, const EngineOptions& engine, const FleetOptions& options,
        std::span<const Request> requests, std::int64_t concurrency)
      : options_(options), engine_(engine), requests_(requests), concurrency_(concurrency) {
    served_.outcomes.resize(requests.size());
    const bool apart = options.prefill_replicas > 0;
    for (std::int64_t i = 0; i < options.replicas + options.prefill_replicas; ++i)
      replicas_.emplace_back(static_cast<int>(i),
                             i >= options.replicas ? Stage::Prefill
                             : apart               ? Stage::Decode
                                                   : Stage::Whole,
                             table, engine, requests, served_.outcomes);
    link_free_s_.assign(replicas_.size(), 0.0);
    order_.resize(requests.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    if (concurrency == 0)
      std::stable_sort(order_.begin(), order_.end(),
                       [&](std::size_t a, std::size_t b) { return requests[a].arrival_s < requests[b].arrival_s; });
  }

  ServedRequests run() {
    for (std::int64_t i = 0; i < concurrency_; ++i) send_next(0);
    const bool feedback = concurrency_ > 0 || options_.prefill_replicas > 0;
    while (true) {
      double first_s = never_s, second_s = never_s;
      std::size_t first = 0;
      for (std::size_t i = 0; i < replicas_.size(); ++i) {
        if (!replicas_[i].busy()) continue;
        if (const double now_s = replicas_[i].now_s(); now_s < first_s) {
          second_s = std::exchange(first_s, now_s);
          first = i;
        } else {
          second_s = std::min(second_s, now_s);
        }
      }
      const double next_s = next_delivery_s();
      if (next_s == never_s && first_s == never_s) break;
      if (next_s <= first_s) {
        deliver();
        continue;
      }
      // What a replica finishes may send work to another, so none runs ahead of the next one's clock.
      const double until_s = feedback ? std::min(next_s, std::max(second_s, std::nextafter(first_s, never_s))) : next_s;
      replicas_[first].run(until_s);
      for (const Replica::Event& event : replicas_[first].take_events()) handle(first, event);
    }
    return collect();
  }

 private:
  struct Delivery {
    double time_s = 0;
    std::int64_t order = 0;
    std::size_t request = 0;
    bool prefilled = false;
    bool operator>(const Delivery& other) const {
      return time_s != other.time_s ? time_s > other.time_s : order > other.order;
    }
  };

  bool refused(std::size_t request) {
    const Request& r = requests_[request];
    if (blocks_of(engine_, r.prompt + r.output - 1) <= engine_.blocks) return false;
    served_.outcomes[request].refused = true;
    return true;
  }

  void send_next(double time_s) {
    while (next_ < order_.size() && refused(order_[next_])) ++next_;
    if (next_ < order_.size()) deliveries_.push({time_s, sent_++, order_[next_++], false});
  }

  double next_delivery_s() {
    while (concurrency_ == 0 && next_ < order_.size() && refused(order_[next_])) ++next_;
    const double queued_s = deliveries_.empty() ? never_s : deliveries_.top().time_s;
    return concurrency_ == 0 && next_ < order_.size() ? std::min(queued_s, requests_[order_[next_]].arrival_s)
                                                      : queued_s;
  }

  void deliver() {
    Delivery d;
    if (concurrency_ == 0 && next_ < order_.size() &&
        (deliveries_.empty() || requests_[order_[next_]].arrival_s <= deliveries_.top().time_s)) {
      d = {requests_[order_[next_]].arrival_s, 0, order_[next_], false};
      ++next_;
    } else {
      d = deliveries_.top();
      deliveries_.pop();
    }
    if (!d.prefilled) served_.outcomes[d.request].arrival_s = d.time_s;
    replicas_[choose(d)].submit(static_cast<std::int64_t>(d.request), d.time_s, d.prefilled);
  }

  std::size_t choose(const Delivery& d) {
    const bool prompts = options_.prefill_replicas > 0 && !d.prefilled;
    const auto from = static_cast<std::size_t>(prompts ? options_.replicas : 0);
    const auto count = static_cast<std::size_t>(prompts ? options_.prefill_replicas : options_.replicas);
    if (options_.routing == RoutingPolicy::RoundRobin) return from + turn_[prompts]++ % count;
    if (const std::int64_t prefix = requests_[d.request].prefix;
        options_.routing == RoutingPolicy::Prefix && prefix >= 0)
      return from + static_cast<std::size_t>(prefix) % count;
    std::size_t best = from;
    for (std::size_t i = from + 1; i < from + count; ++i)
      if (replicas_[i].load_at(d.time_s) < replicas_[best].load_at(d.time_s)) best = i;
    return best;
  }

  void handle(std::size_t replica, const Replica::Event& event) {
    served_.end_s = std::max(served_.end_s, event.time_s);
    if (event.finished) {
      if (concurrency_ > 0) send_next(event.time_s);
      return;
    }
    const auto tokens = static_cast<double>(requests_[static_cast<std::size_t>(event.request)].prompt);
    link_free_s_[replica] = std::max(link_free_s_[replica], event.time_s) + options_.transfer_fixed_s +
                            options_.transfer_s_per_token * tokens;
    deliveries_.push({link_free_s_[replica], sent_++, static_cast<std::size_t>(event.request), true});
  }

  ServedRequests collect() {
    served_.start_s = never_s;
    for (const Outcome& o : served_.outcomes)
      if (!o.refused) served_.start_s = std::min(served_.start_s, o.arrival_s);
    if (served_.start_s == never_s) served_.start_s = 0;
    served_.end_s = std::max(served_.end_s, served_.start_s);
    for (const Replica& replica : replicas_) {
      const ReplicaTotals& t = replica.totals();
      ReplicaTotals& sum = served_.totals;
      sum.passes += t.passes;
      sum.decode_steps += t.decode_steps;
      sum.decode_tokens += t.decode_tokens;
      sum.prompt_tokens += t.prompt_tokens;
      sum.prompt_tokens_wanted += t.prompt_tokens_wanted;
      sum.cached_tokens += t.cached_tokens;
      sum.preemptions += t.preemptions;
      sum.busy_s += t.busy_s;
      served_.by_replica.push_back(t);
      served_.timeline.add(replica.timeline());
      served_.gaps.add(replica.gaps());
    }
    served_.replicas = static_cast<std::int64_t>(replicas_.size());
    served_.blocks = served_.replicas * engine_.blocks;
    served_.disaggregated = options_.prefill_replicas > 0;
    return std::move(served_);
  }

  FleetOptions options_;
  EngineOptions engine_;
  std::span<const Request> requests_;
  std::int64_t concurrency_;
  ServedRequests served_;
  std::vector<Replica> replicas_;
  std::vector<double> link_free_s_;
  std::vector<std::size_t> order_;
  std::size_t next_ = 0;
  std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> deliveries_;
  std::int64_t sent_ = 0;
  std::array<std::size_t, 2> turn_{};
};

}  // namespace

ServedRequests serve_requests(const PassTable& table, const EngineOptions& engine, const FleetOptions& fleet,
                              std::span<const Request> requests, std::int64_t concurrency) {
  check(table, engine, fleet, requests, concurrency);
  return Fleet(table, engine, fleet, requests, concurrency).run();
}

}  // namespace isoflop::sim
