// How a training run is spread over devices, and whether that is possible.
// Letters: t tensor, p pipeline, v pipeline chunks per device (interleaving), n data, y context, x expert parallel.
// devices = n t p y. Expert parallelism divides the n y t devices of a pipeline stage; with x > 1 each expert sits
// whole on a device (expert tensor parallelism 1), with x = 1 experts are split over t like everything else.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoflop/hardware/accelerator.h"
#include "isoflop/model/architecture.h"

namespace isoflop::sim {

/// What data-parallel copies share out (ZeRO, arXiv:1910.02054): nothing, optimiser states, and gradients, and weights.
enum class Sharding { None, Zero1, Zero2, Zero3 };

/// What the backward pass computes again instead of reading: nothing; the attention core (arXiv:2205.05198; with flash
/// attention there is nothing left to free); norms and activation functions; or whole layers from their inputs.
enum class Recompute { None, Selective, Elementwise, Full };

struct Layout {
  std::int64_t data = 1, tensor = 1, pipeline = 1, interleave = 1, context = 1, expert = 1;
  bool sequence_parallel = true;   ///< with t > 1: norms and residuals split by tokens instead of repeated
  Sharding sharding = Sharding::Zero1;
  Recompute recompute = Recompute::None;
  double micro_batch = 1;          ///< sequences that a device group handles at a time
  bool cpu_optimizer = false;      ///< optimiser states and step on the host

  std::int64_t devices() const { return data * tensor * pipeline * context; }
  /// Devices that hold copies of the same dense weights.
  std::int64_t replicas() const { return data * context; }
  /// Devices that hold copies of the same experts.
  std::int64_t expert_replicas() const { return expert > 1 ? data * context * tensor / expert : data * context; }
  std::int64_t expert_tensor() const { return expert > 1 ? 1 : tensor; }
  friend bool operator==(const Layout&, const Layout&) = default;
};

/// How devices are wired: a node is the set of devices joined by the fast link.
struct Cluster {
  std::int64_t devices_per_node = 8;
  double link_bytes_per_s = 0;     ///< per device and direction, inside a node
  double network_bytes_per_s = 0;  ///< per device and direction, between nodes
  std::string source;

  /// Bandwidth per device of a ring over `members` devices that are `stride` apart. A ring crosses the network once per
  /// node and direction, over the network cards of all its members there, so that a ring over whole nodes runs at the
  /// slower of the link and all cards of a node together.
  double ring_bytes_per_s(std::int64_t members, std::int64_t stride) const;
};

/// Nodes of 8 (72 for GB200 and GB300, whole pods for TPUs), links as the accelerator states them; figures that it does
/// not state are assumed and `source` says so.
Cluster default_cluster(const Accelerator& accelerator);

/// Whether some layer is a mixture of experts.
bool has_experts(const Architecture& architecture);

/// Why the layout cannot run this model at this batch; nothing when it can. Memory is not looked at.
std::optional<std::string> why_not(const Layout& layout, const Architecture& architecture, std::int64_t sequence_length,
                                   double global_batch);

std::string_view name_of(Sharding sharding);  ///< As in tables and options.
std::string_view name_of(Recompute recompute);
/// "none", "selective", "elementwise", "full"
std::vector<std::string> recompute_names();
/// "none", "zero1", "zero2", "zero3", "fsdp"; nothing for other words.
std::optional<Sharding> sharding_named(std::string_view word);
std::optional<Recompute> recompute_named(std::string_view word);
/// "dp 16, tp 8, pp 4 (x5), zero1, recompute none, micro-batch 1"
std::string describe(const Layout& layout);

}  // namespace isoflop::sim
