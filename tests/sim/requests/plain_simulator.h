// The slow oracle of the request simulator: one pass at a time, one sequence at a time, everything recounted from the
// list of sequences before every decision. It shares the table of pass times and nothing else with the fast one.
#pragma once
#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <vector>

#include "isoflop/sim/requests/simulation.h"

namespace plain {

using isoflop::sim::EngineOptions;
using isoflop::sim::FleetOptions;
using isoflop::sim::Outcome;
using isoflop::sim::PassTable;
using isoflop::sim::PromptPiece;
using isoflop::sim::Request;
using isoflop::sim::RoutingPolicy;

struct Sequence {
  std::size_t request = 0;
  std::int64_t target = 0, cached = 0, shared = 0;
  bool decoding = false;
  double last_token_s = -1;
};

struct Waiting {
  std::size_t request = 0;
  bool prefilled = false;
  double last_token_s = -1;
};

struct Prefix {
  std::int64_t id = 0, blocks = 0, users = 0, unused_since = 0;
};

struct Event {
  std::size_t request = 0;
  double time_s = 0;
  bool finished = false;
};

struct Replica {
  const PassTable* table = nullptr;
  EngineOptions engine;
  const std::vector<Request>* requests = nullptr;
  std::vector<Outcome>* outcomes = nullptr;
  std::vector<double>* gaps = nullptr;
  bool prefill_only = false;
  int index = 0;

  double now_s = 0;
  std::deque<Waiting> waiting;
  std::vector<Sequence> running;
  std::vector<Prefix> prefixes;
  std::int64_t clock = 0, preemptions = 0, passes = 0, decode_tokens = 0;
  std::int64_t in_system = 0, left_last = 0;
  std::int64_t reserved = 0;  ///< blocks that decoding sequences take in this pass

  std::int64_t blocks(std::int64_t tokens) const {
    if (engine.window_tokens > 0) tokens = std::min(tokens, engine.window_tokens);
    return (tokens + engine.block_tokens - 1) / engine.block_tokens;
  }
  std::int64_t own(const Sequence& s) const { return blocks(s.decoding ? s.cached : s.target) - s.shared; }
  std::int64_t free_blocks() const {
    std::int64_t sum = engine.blocks - reserved;
    for (const auto& s : running) sum -= own(s);
    for (const auto& p : prefixes) sum -= p.blocks;
    return sum;
  }
  std::int64_t idle_blocks() const {
    std::int64_t sum = 0;
    for (const auto& p : prefixes) sum += p.users == 0 ? p.blocks : 0;
    return sum;
  }
  Prefix* prefix(std::int64_t id) {
    for (auto& p : prefixes)
      if (p.id == id) return &p;
    return nullptr;
  }
  void evict_for(std::int64_t wanted) {
    while (free_blocks() < wanted) {
      auto victim = prefixes.end();
      for (auto p = prefixes.begin(); p != prefixes.end(); ++p)
        if (p->users == 0 && (victim == prefixes.end() || p->unused_since < victim->unused_since)) victim = p;
      prefixes.erase(victim);
    }
  }
  std::int64_t target(const Waiting& w) const {
    return (*requests)[w.request].prompt + (w.prefilled ? 0 : (*outcomes)[w.request].tokens);
  }
  std::int64_t hit(const Waiting& w) {
    const Request& r = (*requests)[w.request];
    if (!engine.prefix_cache || engine.window_tokens > 0 || w.prefilled || r.prefix < 0) return 0;
    const Prefix* p = prefix(r.prefix);
    if (!p || p->blocks * engine.block_tokens > r.prefix_tokens || p->blocks * engine.block_tokens > target(w) - 1)
      return 0;
    const std::int64_t room = free_blocks() + idle_blocks() - (p->users == 0 ? p->blocks : 0);
    return blocks(target(w)) - p->blocks <= room ? p->blocks : 0;
  }
  bool admissible() {
    if (waiting.empty() || static_cast<std::int64_t>(running.size()) >= engine.max_sequences) return false;
    const Waiting& w = waiting.front();
    return hit(w) > 0 || blocks(target(w) + (w.prefilled ? 1 : 0)) <= free_blocks() + idle_blocks();
  }
  void admit() {
    const Waiting w = waiting.front();
    Sequence s;
    s.request = w.request;
    s.target = target(w);
    s.shared = hit(w);
    s.last_token_s = w.last_token_s;
    if (s.shared > 0) ++prefix((*requests)[w.request].prefix)->users;
    evict_for(blocks(s.target) - s.shared);
    s.cached = w.prefilled ? s.target : s.shared * engine.block_tokens;
    s.decoding = w.prefilled;
    waiting.pop_front();
    (*outcomes)[w.request].cached_tokens += s.shared * engine.block_tokens;
    running.push_back(s);
  }
  void drop(std::size_t i) {
    if (running[i].shared > 0) {
      Prefix* p = prefix((*requests)[running[i].request].prefix);
      if (--p->users == 0) p->unused_since = ++clock;
    }
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
  }
  std::int64_t growth() const {
    std::int64_t sum = 0;
    for (const auto& s : running)
      if (s.decoding) sum += blocks(s.cached + 1) - blocks(s.cached);
    return sum;
  }
  bool thrown_out() {
    bool any = false;
    while (growth() > free_blocks() + idle_blocks()) {
      const Sequence s = running.back();
      ++(*outcomes)[s.request].preemptions;
      ++preemptions;
      drop(running.size() - 1);
      waiting.push_front({s.request, false, s.last_token_s});
      any = true;
    }
    evict_for(growth());
    reserved = growth();
    return any;
  }

  std::vector<Event> pass() {
    while (std::none_of(running.begin(), running.end(), [](const auto& s) { return !s.decoding; }) && admissible() &&
           waiting.front().prefilled)
      admit();
    std::map<std::size_t, std::int64_t> give;  // tokens by place
    std::int64_t budget = engine.step_tokens;
    bool decodes = false;
    if (engine.prefill_first) {
      while (budget > 0 && admissible() && !waiting.front().prefilled) {
        const std::int64_t tokens = target(waiting.front()) - hit(waiting.front()) * engine.block_tokens;
        if (!give.empty() && tokens > budget) break;
        admit();
        give[running.size() - 1] = tokens;
        budget -= tokens;
      }
      if (give.empty()) thrown_out(), decodes = true;
    } else {
      const bool any = thrown_out();
      decodes = true;
      for (const auto& s : running) budget -= s.decoding;
      for (std::size_t i = 0; i < running.size(); ++i)
        if (!running[i].decoding && budget > 0) {
          give[i] = std::min(budget, running[i].target - running[i].cached);
          budget -= give[i];
        }
      while (!any && budget > 0 && admissible() && !waiting.front().prefilled) {
        admit();
        const Sequence& s = running.back();
        give[running.size() - 1] = std::min(budget, s.target - s.cached);
        budget -= give[running.size() - 1];
      }
    }
    std::int64_t decoding = 0, context = 0, sampled = 0;
    std::vector<PromptPiece> pieces;
    for (std::size_t i = 0; i < running.size(); ++i) {
      if (running[i].decoding && decodes) ++decoding, context += running[i].cached;
      if (give.count(i)) {
        pieces.push_back({give[i], running[i].cached});
        sampled += running[i].cached + give[i] == running[i].target;
      }
    }
    now_s += table->seconds(decoding, context, pieces, sampled);
    ++passes;
    decode_tokens += decoding;
    std::vector<Event> events;
    left_last = 0;
    reserved = 0;
    std::vector<std::size_t> prompts, decoders;
    for (std::size_t i = 0; i < running.size(); ++i) {
      if (running[i].decoding && decodes) decoders.push_back(running[i].request);
      if (give.count(i)) {
        running[i].cached += give[i];
        if (running[i].cached == running[i].target) prompts.push_back(running[i].request);
      }
    }
    for (std::size_t r : decoders) {
      Sequence& s = at(r);
      gaps->push_back(now_s - s.last_token_s);
      s.last_token_s = now_s;
      ++s.cached;
      ++(*outcomes)[r].tokens;
    }
    for (std::size_t r : prompts) {
      Sequence& s = at(r);
      Outcome& o = (*outcomes)[r];
      if (++o.tokens == 1)
        o.first_token_s = now_s;
      else
        gaps->push_back(now_s - s.last_token_s);
      s.last_token_s = now_s;
      const Request& request = (*requests)[r];
      if (engine.prefix_cache && engine.window_tokens == 0 && request.prefix >= 0 && s.shared == 0 &&
          !prefix(request.prefix)) {
        s.shared = std::min(request.prefix_tokens, request.prompt) / engine.block_tokens;
        if (s.shared > 0) prefixes.push_back({request.prefix, s.shared, 1, 0});
      }
      s.decoding = true;
      if (o.tokens == request.output || prefill_only) gone(r, o.tokens == request.output, events);
    }
    for (std::size_t r : decoders)
      if ((*outcomes)[r].tokens == (*requests)[r].output) gone(r, true, events);
    return events;
  }
  Sequence& at(std::size_t request) {
    return *std::find_if(running.begin(), running.end(), [&](const auto& s) { return s.request == request; });
  }
  void gone(std::size_t request, bool finished, std::vector<Event>& events) {
    drop(static_cast<std::size_t>(&at(request) - running.data()));
    if (finished) {
      (*outcomes)[request].finish_s = now_s;
      (*outcomes)[request].replica = index;
      ++(*outcomes)[request].finishes;
    }
    events.push_back({request, now_s, finished});
    --in_system;
    ++left_last;
  }
};

struct Served {
  std::vector<Outcome> outcomes;
  std::vector<double> gaps;
  std::int64_t preemptions = 0, passes = 0, decode_tokens = 0;
};

inline Served serve(const PassTable& table, const EngineOptions& engine, const FleetOptions& fleet,
                    const std::vector<Request>& requests, std::int64_t concurrency) {
  struct Delivery {
    double time_s;
    std::size_t request;
    bool prefilled;
  };
  Served served;
  served.outcomes.resize(requests.size());
  std::vector<Replica> replicas(static_cast<std::size_t>(fleet.replicas + fleet.prefill_replicas));
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    replicas[i].table = &table;
    replicas[i].engine = engine;
    replicas[i].requests = &requests;
    replicas[i].outcomes = &served.outcomes;
    replicas[i].gaps = &served.gaps;
    replicas[i].prefill_only = i >= static_cast<std::size_t>(fleet.replicas);
    replicas[i].index = static_cast<int>(i);
  }
  std::vector<Delivery> deliveries;  // stably sorted by time
  std::vector<double> link(replicas.size(), 0.0);
  std::size_t next = 0, turn[2] = {0, 0};
  const auto fits = [&](std::size_t i) {
    return replicas[0].blocks(requests[i].prompt + requests[i].output - 1) <= engine.blocks;
  };
  const auto post = [&](const Delivery& d) {
    deliveries.insert(std::upper_bound(deliveries.begin(), deliveries.end(), d,
                                       [](const auto& a, const auto& b) { return a.time_s < b.time_s; }),
                      d);
  };
  const auto send_next = [&](double time_s) {
    while (next < requests.size() && !fits(next)) served.outcomes[next++].refused = true;
    if (next < requests.size()) post({time_s, next++, false});
  };
  if (concurrency > 0)
    for (std::int64_t i = 0; i < concurrency; ++i) send_next(0);
  else
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (fits(i))
        post({requests[i].arrival_s, i, false});
      else
        served.outcomes[i].refused = true;
    }
  while (true) {
    Replica* first = nullptr;
    for (auto& r : replicas)
      if ((!r.running.empty() || !r.waiting.empty()) && (!first || r.now_s < first->now_s)) first = &r;
    if (deliveries.empty() && !first) break;
    if (!deliveries.empty() && (!first || deliveries.front().time_s <= first->now_s)) {
      const Delivery d = deliveries.front();
      deliveries.erase(deliveries.begin());
      if (!d.prefilled) served.outcomes[d.request].arrival_s = d.time_s;
      const bool prompts = fleet.prefill_replicas > 0 && !d.prefilled;
      const auto from = static_cast<std::size_t>(prompts ? fleet.replicas : 0),
                 count = static_cast<std::size_t>(prompts ? fleet.prefill_replicas : fleet.replicas);
      std::size_t choice = from;
      if (fleet.routing == RoutingPolicy::RoundRobin) {
        choice = from + turn[prompts]++ % count;
      } else if (fleet.routing == RoutingPolicy::Prefix && requests[d.request].prefix >= 0) {
        choice = from + static_cast<std::size_t>(requests[d.request].prefix) % count;
      } else {
        const auto load = [&](const Replica& r) { return r.in_system + (r.now_s > d.time_s ? r.left_last : 0); };
        for (std::size_t i = from; i < from + count; ++i)
          if (load(replicas[i]) < load(replicas[choice])) choice = i;
      }
      Replica& r = replicas[choice];
      if (r.running.empty() && r.waiting.empty()) r.now_s = std::max(r.now_s, d.time_s);
      r.waiting.push_back({d.request, d.prefilled, served.outcomes[d.request].first_token_s});
      ++r.in_system;
      continue;
    }
    const auto place = static_cast<std::size_t>(first - replicas.data());
    for (const Event& e : first->pass()) {
      if (e.finished) {
        if (concurrency > 0) send_next(e.time_s);
      } else {
        link[place] = std::max(link[place], e.time_s) + fleet.transfer_fixed_s +
                      fleet.transfer_s_per_token * static_cast<double>(requests[e.request].prompt);
        post({link[place], e.request, true});
      }
    }
  }
  for (const auto& r : replicas) {
    served.preemptions += r.preemptions;
    served.passes += r.passes;
    served.decode_tokens += r.decode_tokens;
  }
  return served;
}

}  // namespace plain
