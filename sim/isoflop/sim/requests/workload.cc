#include "isoflop/sim/requests/workload.h"

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/random.h"

namespace isoflop::sim {
namespace {

constexpr std::uint64_t arrival_stream = 0, length_stream = 1, choice_stream = 2;

double gap(const WorkloadOptions& options, Random& random) {
  switch (options.arrivals) {
    case ArrivalProcess::Poisson: return random.exponential();
    case ArrivalProcess::Gamma: return random.gamma(options.burstiness) / options.burstiness;
    case ArrivalProcess::Uniform: return 1;
  }
  return 1;
}

std::int64_t length(const WorkloadOptions& options, double mean, Random& random) {
  double tokens = mean;
  if (options.lengths == LengthShape::Uniform) tokens = mean * (1 + options.spread * (2 * random.uniform() - 1));
  if (options.lengths == LengthShape::LogNormal) {
    const double variance = std::log1p(options.spread * options.spread);
    tokens = mean * std::exp(std::sqrt(variance) * random.normal() - variance / 2);
  }
  return static_cast<std::int64_t>(std::llround(std::clamp(tokens, 1.0, static_cast<double>(options.longest))));
}

void check(const WorkloadOptions& o) {
  const auto refuse = [](const char* text) { throw Error(Fault::Usage, text); };
  if (o.requests < 1) refuse("at least one request is needed");
  if (!(o.rate_per_s >= 0) || !std::isfinite(o.rate_per_s))
    refuse("the rate of requests must be finite and at least 0");
  if (!(o.burstiness > 0) || !std::isfinite(o.burstiness)) refuse("burstiness must be positive");
  if (!(o.prompt_mean >= 1) || !(o.output_mean >= 1)) refuse("mean lengths must be at least 1 token");
  if (!(o.spread >= 0) || !std::isfinite(o.spread)) refuse("the spread of lengths must be at least 0");
  if (o.lengths == LengthShape::Uniform && o.spread > 1) refuse("the spread of uniform lengths must be at most 1");
  if (!(o.prefix_share >= 0 && o.prefix_share <= 1)) refuse("the shared part of prompts must lie between 0 and 1");
  if (o.prefix_groups < 1) refuse("at least one group of prefixes is needed");
}

}  // namespace

void replace_arrivals(std::vector<Request>& requests, const WorkloadOptions& options, std::uint64_t seed) {
  check(options);
  Random random(seed, arrival_stream);
  double time = 0;
  for (Request& request : requests) {
    request.arrival_s = options.rate_per_s > 0 ? time / options.rate_per_s : 0;
    time += gap(options, random);
  }
}

std::vector<Request> make_requests(const WorkloadOptions& options, std::uint64_t seed) {
  check(options);
  std::vector<Request> requests(static_cast<std::size_t>(options.requests));
  const auto shared = static_cast<std::int64_t>(std::llround(options.prefix_share * options.prompt_mean));
  Random random(seed, length_stream);
  for (Request& r : requests) {
    r.prompt = length(options, options.prompt_mean, random);
    r.output = length(options, options.output_mean, random);
    if (shared > 0) {
      r.prefix = static_cast<std::int64_t>(random.index(static_cast<std::size_t>(options.prefix_groups)));
      r.prefix_tokens = std::min(shared, r.prompt);
    }
  }
  replace_arrivals(requests, options, seed);
  return requests;
}

std::vector<Request> resample(const std::vector<Request>& requests, std::int64_t count, std::uint64_t seed) {
  if (requests.empty() || count < 1) throw Error(Fault::Usage, "nothing to draw requests from");
  std::vector<Request> drawn(requests.begin(),
                             requests.begin() + std::min<std::ptrdiff_t>(count, std::ssize(requests)));
  Random random(seed, choice_stream);
  while (std::ssize(drawn) < count) drawn.push_back(requests[random.index(requests.size())]);
  return drawn;
}

}  // namespace isoflop::sim
