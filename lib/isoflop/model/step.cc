#include "isoflop/model/step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "isoflop/error.h"
#include "isoflop/model/routing.h"

namespace isoflop {
namespace {

// Pairs when query number i of the context-free sequence sees min(i + 1, limit) keys, summed over i in [first, last).
double capped_triangle(std::int64_t first, std::int64_t last, std::int64_t limit) {
  const auto to = [limit](std::int64_t n) {  // sum over i < n
    const auto growing = static_cast<double>(std::min(n, limit));
    const auto capped = static_cast<double>(std::max<std::int64_t>(n - limit, 0));
    return growing * (growing + 1) / 2 + capped * static_cast<double>(limit);
  };
  return to(last) - to(first);
}

}  // namespace

std::vector<double> inclusion_probabilities(std::int64_t experts, std::int64_t per_token, double skew) {
  std::vector<double> share(static_cast<std::size_t>(experts));
  for (std::size_t i = 0; i < share.size(); ++i) share[i] = std::pow(static_cast<double>(i + 1), -skew);
  std::vector<double> result(share.size(), 0.0);
  // The most popular are capped at certainty; the rest of the k choices is shared among the others in proportion.
  std::size_t certain = 0;
  double left = static_cast<double>(per_token);
  double rest = std::accumulate(share.begin(), share.end(), 0.0);
  while (certain < share.size() && left > 0 && left * share[certain] >= rest * (1 - 1e-12)) {
    result[certain] = std::min(1.0, left);
    left -= result[certain];
    rest -= share[certain];
    ++certain;
  }
  for (std::size_t i = certain; i < share.size() && left > 0; ++i) result[i] = left * share[i] / rest;
  return result;
}

std::int64_t Step::tokens() const {
  std::int64_t sum = 0;
  for (const Segment& s : segments) sum += s.sequences * s.new_tokens;
  return sum;
}
std::int64_t Step::sequences() const {
  std::int64_t sum = 0;
  for (const Segment& s : segments) sum += s.sequences;
  return sum;
}
std::int64_t Step::cached_tokens() const {
  std::int64_t sum = 0;
  for (const Segment& s : segments) sum += s.sequences * (s.context + s.new_tokens);
  return sum;
}
std::int64_t Step::logit_positions() const {
  std::int64_t sum = 0;
  for (const Segment& s : segments) sum += s.sequences * std::min(s.logit_positions, s.new_tokens);
  return sum;
}

double attention_pairs(std::int64_t q, std::int64_t c, std::int64_t window, std::int64_t sink_tokens,
                       std::int64_t chunk, bool causal) {
  if (!causal) return static_cast<double>(q) * static_cast<double>(c + q);
  const std::int64_t limit = window > 0 ? window + sink_tokens : c + q;
  if (chunk <= 0) return capped_triangle(c, c + q, limit);
  const std::int64_t last = c + q;
  double pairs = 0;
  const std::int64_t first_chunk = c / chunk, last_chunk = (last - 1) / chunk;
  const auto within = [&](std::int64_t from, std::int64_t to) {
    return capped_triangle(from, to, std::min(limit, chunk));
  };
  if (first_chunk == last_chunk) return within(c - first_chunk * chunk, last - first_chunk * chunk);
  pairs += within(c - first_chunk * chunk, chunk);
  pairs += static_cast<double>(last_chunk - first_chunk - 1) * within(0, chunk);
  pairs += within(0, last - last_chunk * chunk);
  return pairs;
}

double attention_keys_read(std::int64_t q, std::int64_t c, std::int64_t window, std::int64_t sink_tokens,
                           std::int64_t chunk, bool causal) {
  const std::int64_t all = c + q;
  if (!causal) return static_cast<double>(all);
  std::int64_t keys = all;
  if (window > 0) keys = std::min(keys, window + sink_tokens + q - 1);
  if (chunk > 0) keys = std::min(keys, all - (c / chunk) * chunk);
  return static_cast<double>(keys);
}

double expected_distinct_experts(std::int64_t experts, std::int64_t per_token, double tokens, const Routing& routing) {
  if (experts < 1 || per_token < 0 || per_token > experts || tokens < 0)
    throw Error(Fault::BadInput,
                "expected_distinct_experts: experts per token must lie in [0, experts] and tokens be at least 0");
  if (routing.skew <= 0) {
    const double missed = 1 - static_cast<double>(per_token) / static_cast<double>(experts);
    return static_cast<double>(experts) * (1 - std::pow(missed, tokens));
  }
  double sum = 0;
  for (const double q : inclusion_probabilities(experts, per_token, routing.skew)) sum += 1 - std::pow(1 - q, tokens);
  return sum;
}

double expert_group_imbalance(std::int64_t experts, std::int64_t per_token, std::int64_t groups,
                              const Routing& routing) {
  if (groups <= 1 || routing.skew <= 0) return 1;
  const std::vector<double> q = inclusion_probabilities(experts, per_token, routing.skew);
  std::vector<double> load(static_cast<std::size_t>(groups), 0.0);
  for (std::size_t i = 0; i < q.size(); ++i) load[i % load.size()] += q[i];
  return *std::max_element(load.begin(), load.end()) * static_cast<double>(groups) / static_cast<double>(per_token);
}

}  // namespace isoflop
