// The devices that inference benchmarks name, with what a law needs of them: the catalogue's where it has them, else
// the vendor's data sheet. GeForce boards count fp16 products with fp16 sums, at twice the catalogue's figure, because
// that is what inference kernels may use and a bound must bound.
#pragma once
#include <optional>
#include <string>

#include "isoflop/hardware/accelerator.h"

namespace isoflop::sim {

struct EngineChip {
  std::string id;      ///< catalogue id, or the benchmark's name in lower case
  std::string vendor;  ///< "nvidia", "apple", "amd"
  double bandwidth = 0;                   ///< bytes/s
  double peak16 = 0, peak8 = 0, peak4 = 0;  ///< FLOP/s, dense; formats that a chip lacks fall back to the wider one
  double memory = 0;                      ///< bytes
  double link = 0;                        ///< bytes/s per direction inside a node
  double network = 0;                     ///< bytes/s per direction and device between nodes
};

EngineChip engine_chip(const Accelerator& accelerator);

/// Nothing for a name that does not say which device it is.
std::optional<EngineChip> engine_chip_named(const std::string& name, const AcceleratorCatalogue& catalogue);

}  // namespace isoflop::sim
