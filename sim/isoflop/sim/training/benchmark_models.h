// Architectures of models that appear in published training benchmarks but not in the catalogue, and the names that
// benchmarks give to those that do. Dimensions are facts from the cited documents.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "isoflop/catalogue/models.h"
#include "isoflop/model/architecture.h"

namespace isoflop::sim {

/// `sequence_length`: rows of learned positions where the benchmark sizes them so. Nothing for a name that is unknown;
/// throws Error for a catalogue model whose design is not supported.
std::optional<Architecture> benchmark_architecture(const std::string& name, std::int64_t sequence_length,
                                                   const ModelCatalogue& models);

/// A GPT-3-like block: LayerNorm, biases, plain MLP of width 4 d, learned positions, tied embeddings.
Architecture gpt_architecture(const std::string& name, std::int64_t layers, std::int64_t width, std::int64_t heads,
                              std::int64_t vocabulary, std::int64_t positions);

}  // namespace isoflop::sim
