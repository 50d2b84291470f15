#include "isoflop/model/parameters.h"

#include <algorithm>

namespace isoflop {
namespace {

std::int64_t kv_width(const Attention& a) {
  return a.latent ? a.latent->kv_rank + a.latent->rope_dim : 2 * a.kv_heads * a.head_dim;
}

}  // namespace

std::int64_t ParameterCount::active_by(ActiveConvention convention) const {
  switch (convention) {
    case ActiveConvention::All: return active;
    case ActiveConvention::WithoutInputEmbedding: return active_without_input_embedding;
    case ActiveConvention::WithoutEmbeddings: return active_without_embeddings;
  }
  return active;
}

ParameterCount count_parameters(const Program& program) {
  ParameterCount result;
  std::int64_t head_table = -1;
  std::vector<bool> read_by_matmul(program.tensors.size(), false);
  for (const Op& op : program.ops)
    if (std::holds_alternative<MatMul>(op.detail))
      for (const int w : op.weights) read_by_matmul[static_cast<std::size_t>(w)] = true;
  std::int64_t looked_up = 0;
  for (std::size_t i = 0; i < program.tensors.size(); ++i) {
    const Tensor& t = program.tensors[i];
    if (t.kind != TensorKind::Weight) continue;
    const std::int64_t total = t.elements() * t.times, active = total / t.experts * t.experts_used;
    PartCount& part = result.by_part[static_cast<std::size_t>(t.part)];
    part.total += total;
    part.active += active;
    result.total += total;
    result.active += active;
    if (t.part == Part::Embedding && t.name == "embedding") {
      head_table = total;
      if (!read_by_matmul[i]) looked_up += total;
    }
  }
  result.active_without_input_embedding = result.active - looked_up;
  result.active_without_embeddings = result.active - std::max<std::int64_t>(head_table, 0);
  for (const Tensor& t : program.tensors)
    if (t.kind == TensorKind::Weight && t.name == "head weight") result.active_without_embeddings -= t.elements();
  return result;
}

ParameterCount count_parameters(const Architecture& architecture) {
  return count_parameters(forward(architecture, Step::train(1, 1), LayerListing::Distinct));
}

std::int64_t kv_elements_per_token(const Architecture& architecture) {
  std::int64_t sum = 0;
  for (const Layer& layer : architecture.layers) sum += kv_width(layer.attention);
  return sum;
}

std::int64_t kv_elements(const Architecture& architecture, std::int64_t tokens) {
  std::int64_t sum = 0;
  for (const Layer& layer : architecture.layers) {
    const Attention& a = layer.attention;
    std::int64_t kept = tokens;
    if (a.window > 0) kept = std::min(kept, a.window + a.sink_tokens);
    if (a.chunk > 0) kept = std::min(kept, a.chunk);
    sum += kept * kv_width(a);
  }
  return sum;
}

}  // namespace isoflop
