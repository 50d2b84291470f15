#include "isoflop/sim/training/layout_search.h"

#include <algorithm>
#include <limits>
#include <map>

#include "isoflop/parallel.h"

namespace isoflop::sim {
namespace {

std::vector<std::int64_t> powers_of_two(std::int64_t most) {
  std::vector<std::int64_t> result;
  for (std::int64_t n = 1; n <= most; n *= 2) result.push_back(n);
  return result;
}

std::vector<Layout> candidates(const SearchRequest& request) {
  const TrainingRun& run = request.run;
  const Architecture& a = run.architecture;
  const bool experts = has_experts(a);
  const auto layers = static_cast<std::int64_t>(a.layers.size());
  std::int64_t most_experts = 1;
  for (const Layer& layer : a.layers)
    if (layer.experts) most_experts = std::max(most_experts, layer.experts->experts);
  std::vector<Layout> result;
  const FixedSizes& fixed = request.fixed;
  const auto sizes = [](const std::optional<std::int64_t>& given, std::int64_t most) {
    return given ? std::vector<std::int64_t>{*given} : powers_of_two(most);
  };
  const auto micro_batches =
      fixed.micro_batch ? std::vector<double>{*fixed.micro_batch} : std::vector<double>{1, 2, 4, 8};
  auto recomputes = fixed.recompute ? std::vector<Recompute>{*fixed.recompute}
                                    : std::vector<Recompute>{Recompute::None, Recompute::Full};
  if (!fixed.recompute && !run.program.flash_attention) recomputes.push_back(Recompute::Selective);
  const auto shardings =
      fixed.sharding ? std::vector<Sharding>{*fixed.sharding} : std::vector<Sharding>{Sharding::Zero1, Sharding::Zero3};
  for (const std::int64_t t : sizes(fixed.tensor, std::min<std::int64_t>(run.cluster.devices_per_node, 8)))
    for (const std::int64_t p : sizes(fixed.pipeline, std::min<std::int64_t>(layers, 64)))
      for (const std::int64_t y : sizes(fixed.context, run.sequence_length >= 32768 ? 16 : 1)) {
        if (request.devices % (t * p * y) != 0) continue;
        const std::int64_t n = request.devices / (t * p * y);
        for (const std::int64_t x : sizes(fixed.expert, experts ? std::min<std::int64_t>(most_experts, 64) : 1))
          for (const std::int64_t v : sizes(fixed.interleave, p > 1 ? 4 : 1))
            for (const double micro : micro_batches)
              for (const Recompute recompute : recomputes)
                for (const Sharding sharding : shardings) {
                  // Gathering weights for every micro-batch of a pipeline is not done.
                  if (!fixed.sharding && sharding == Sharding::Zero3 && (p > 1 || n == 1)) continue;
                  Layout l;
                  l.tensor = t;
                  l.pipeline = p;
                  l.context = y;
                  l.data = n;
                  l.expert = x;
                  l.interleave = v;
                  l.micro_batch = micro;
                  l.recompute = recompute;
                  l.sharding = sharding;
                  if (!why_not(l, a, run.sequence_length, run.global_batch)) result.push_back(l);
                }
      }
  return result;
}

}  // namespace

SearchResult search_layouts(const SearchRequest& request) {
  const std::vector<Layout> layouts = candidates(request);
  const double allowed = request.memory_fraction * request.run.accelerator.memory_bytes;
  const DevicePeaks peaks = peaks_of(request.run.accelerator, request.run.precision);
  struct Priced {
    double step_s = std::numeric_limits<double>::infinity();
    double memory_bytes = 0;
  };
  std::vector<Priced> priced(layouts.size());
  std::map<double, ListedModel> listed;
  for (const Layout& l : layouts)
    if (listed.find(l.micro_batch) == listed.end()) {
      TrainingRun run = request.run;
      run.layout = l;
      listed.emplace(l.micro_batch, list_model(run));
    }
  // In blocks, so that a description is copied once for many layouts.
  constexpr std::size_t block = 64;
  parallel_for((layouts.size() + block - 1) / block, request.threads, [&](std::size_t b) {
    TrainingRun run = request.run;
    for (std::size_t i = b * block; i < std::min(layouts.size(), (b + 1) * block); ++i) {
      run.layout = layouts[i];
      const ListedModel& model = listed.at(run.layout.micro_batch);
      priced[i].memory_bytes = training_memory(run, request.framework, model).peak.total();
      if (priced[i].memory_bytes <= allowed)
        priced[i].step_s = training_time(training_work(run, model), peaks, request.constants).step_s;
    }
  });
  std::vector<std::size_t> order(layouts.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return priced[a].step_s < priced[b].step_s; });
  SearchResult result;
  result.candidates = layouts.size();
  const auto found = [&](std::size_t i) {
    FoundLayout f{request.run, priced[i].step_s, priced[i].memory_bytes};
    f.run.layout = layouts[i];
    return f;
  };
  for (const std::size_t i : order) {
    if (!(priced[i].step_s < std::numeric_limits<double>::infinity())) break;
    ++result.fitting;
    if (result.best.size() < request.keep) result.best.push_back(found(i));
  }
  if (result.best.empty() && !layouts.empty()) {
    const auto least = std::min_element(
        priced.begin(), priced.end(), [](const Priced& a, const Priced& b) { return a.memory_bytes < b.memory_bytes; });
    result.smallest = found(static_cast<std::size_t>(least - priced.begin()));
  }
  return result;
}

}  // namespace isoflop::sim
