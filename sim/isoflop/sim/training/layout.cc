#include "isoflop/sim/training/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace isoflop::sim {
namespace {

bool starts_with(const std::string& text, std::string_view head) { return text.rfind(head, 0) == 0; }

}  // namespace

double Cluster::ring_bytes_per_s(std::int64_t members, std::int64_t stride) const {
  if (members <= 1) return link_bytes_per_s;
  const std::int64_t span = members * stride;
  if (span <= devices_per_node) return link_bytes_per_s;
  const std::int64_t in_node = std::max<std::int64_t>(1, devices_per_node / stride);
  return std::min(link_bytes_per_s, network_bytes_per_s * static_cast<double>(in_node));
}

Cluster default_cluster(const Accelerator& a) {
  Cluster c;
  c.source = "links of " + a.id + " as in the catalogue";
  if (starts_with(a.id, "gb200") || starts_with(a.id, "gb300")) c.devices_per_node = 72;
  if (a.id == "tpu-v5e" || a.id == "tpu-v6e") c.devices_per_node = 256;
  if (a.id == "tpu-v3") c.devices_per_node = 1024;
  if (a.id == "tpu-v4") c.devices_per_node = 4096;
  if (a.id == "tpu-v5p" || starts_with(a.id, "tpu-v7")) c.devices_per_node = 8960;
  // A ring on a torus uses the two links of its axis.
  const double links = a.intra_node_is_per_device ? 1 : 2;
  c.link_bytes_per_s = a.intra_node_bytes_per_s ? *a.intra_node_bytes_per_s * links : 32e9;
  c.network_bytes_per_s = a.inter_node_bytes_per_s.value_or(12.5e9);
  if (!a.intra_node_bytes_per_s) c.source += "; link assumed to be PCIe 4, 32 GB/s per direction";
  if (!a.inter_node_bytes_per_s) c.source += "; network assumed to be 100 Gbit/s per device";
  return c;
}

bool has_experts(const Architecture& a) {
  return std::any_of(a.layers.begin(), a.layers.end(), [](const Layer& layer) { return layer.experts.has_value(); });
}

std::optional<std::string> why_not(const Layout& l, const Architecture& a, std::int64_t sequence_length,
                                   double global_batch) {
  if (l.data < 1 || l.tensor < 1 || l.pipeline < 1 || l.interleave < 1 || l.context < 1 || l.expert < 1)
    return "parallel sizes must be at least 1";
  if (!(l.micro_batch > 0)) return "the micro-batch must be positive";
  if (l.micro_batch != std::floor(l.micro_batch))
    return fmt::format("a micro-batch of {} sequences is not whole", l.micro_batch);
  const auto layers = static_cast<std::int64_t>(a.layers.size());
  // Embedding and head may take the place of a layer each.
  if (l.pipeline * l.interleave > layers + 2)
    return fmt::format("{} pipeline chunks for {} layers", l.pipeline * l.interleave, layers);
  if (l.interleave > 1 && l.pipeline == 1) return "interleaving needs more than one pipeline stage";
  for (const Layer& layer : a.layers) {
    if (layer.attention.heads % l.tensor != 0)
      return fmt::format("{} heads do not divide over tensor parallel {}", layer.attention.heads, l.tensor);
    // Fewer key/value heads than devices are repeated; a head is never cut.
    if (layer.attention.kv_heads % l.tensor != 0 && l.tensor % layer.attention.kv_heads != 0)
      return fmt::format("{} key/value heads do not divide over tensor parallel {}", layer.attention.kv_heads,
                         l.tensor);
    if (layer.mlp && layer.mlp->width % l.tensor != 0)
      return fmt::format("MLP width {} does not divide over tensor parallel {}", layer.mlp->width, l.tensor);
    if (layer.experts && l.expert > 1 && layer.experts->experts % l.expert != 0)
      return fmt::format("{} experts do not divide over expert parallel {}", layer.experts->experts, l.expert);
    if (layer.experts && l.expert == 1 && layer.experts->expert.width % l.tensor != 0)
      return fmt::format("expert width {} does not divide over tensor parallel {}", layer.experts->expert.width,
                         l.tensor);
  }
  if (l.expert > 1) {
    if (!has_experts(a)) return "expert parallel needs a model with experts";
    if ((l.data * l.context * l.tensor) % l.expert != 0)
      return fmt::format("expert parallel {} does not divide the {} devices of a pipeline stage", l.expert,
                         l.data * l.context * l.tensor);
  }
  if (sequence_length % (2 * l.context) != 0 && l.context > 1)
    return fmt::format("{} tokens do not divide into {} pieces for context parallel {}", sequence_length, 2 * l.context,
                       l.context);
  const double per_step = static_cast<double>(l.data) * l.micro_batch;
  const double accumulation = global_batch / per_step;
  if (accumulation < 1 - 1e-9)
    return fmt::format("a batch of {} sequences is less than data parallel {} x micro-batch {}", global_batch, l.data,
                       l.micro_batch);
  if (std::fabs(accumulation - std::round(accumulation)) > 1e-6)
    return fmt::format("a batch of {} sequences is no multiple of data parallel {} x micro-batch {}", global_batch,
                       l.data, l.micro_batch);
  if (l.interleave > 1 && std::fmod(std::round(accumulation), static_cast<double>(l.pipeline)) != 0)
    return fmt::format("interleaving needs micro-batches ({}) in multiples of the {} pipeline stages",
                       std::round(accumulation), l.pipeline);
  return std::nullopt;
}

std::string_view name_of(Sharding sharding) {
  switch (sharding) {
    case Sharding::None: return "none";
    case Sharding::Zero1: return "zero1";
    case Sharding::Zero2: return "zero2";
    case Sharding::Zero3: return "zero3";
  }
  return "";
}

std::string_view name_of(Recompute recompute) {
  switch (recompute) {
    case Recompute::None: return "none";
    case Recompute::Selective: return "selective";
    case Recompute::Elementwise: return "elementwise";
    case Recompute::Full: return "full";
  }
  return "";
}

std::optional<Sharding> sharding_named(std::string_view word) {
  if (word == "fsdp") return Sharding::Zero3;
  for (const Sharding s : {Sharding::None, Sharding::Zero1, Sharding::Zero2, Sharding::Zero3})
    if (name_of(s) == word) return s;
  return std::nullopt;
}

std::vector<std::string> recompute_names() {
  std::vector<std::string> names;
  for (const Recompute r : {Recompute::None, Recompute::Selective, Recompute::Elementwise, Recompute::Full})
    names.emplace_back(name_of(r));
  return names;
}

std::optional<Recompute> recompute_named(std::string_view word) {
  for (const Recompute r : {Recompute::None, Recompute::Selective, Recompute::Elementwise, Recompute::Full})
    if (name_of(r) == word) return r;
  return std::nullopt;
}

std::string describe(const Layout& l) {
  std::string text = fmt::format("dp {}", l.data);
  if (l.tensor > 1) text += fmt::format(", tp {}{}", l.tensor, l.sequence_parallel ? "+sp" : "");
  if (l.pipeline > 1)
    text += fmt::format(", pp {}{}", l.pipeline, l.interleave > 1 ? fmt::format(" x{} chunks", l.interleave) : "");
  if (l.context > 1) text += fmt::format(", cp {}", l.context);
  if (l.expert > 1) text += fmt::format(", ep {}", l.expert);
  return text +
         fmt::format(", {}, recompute {}, micro-batch {}", name_of(l.sharding), name_of(l.recompute), l.micro_batch);
}

}  // namespace isoflop::sim
