#include "isoflop/sim/kernel/weights.h"

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/machine_share.h"
#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/sim/kernel/large_pages.h"

namespace isoflop::sim {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool is_matrix(const WeightLayout::Place& place) {
  return place.shape.size() >= 2 && place.part != Part::Position && !ends_with(place.name, "bias");
}

bool writes_to_residual(const std::string& name) {
  return ends_with(name, "out weight") || ends_with(name, "down weight");
}

}  // namespace

std::vector<WeightMatrix> weight_matrices(const WeightLayout& layout) {
  std::vector<WeightMatrix> result;
  for (std::size_t w = 0; w < layout.places().size(); ++w) {
    const auto& place = layout.places()[w];
    if (!is_matrix(place)) continue;
    const bool has_experts = place.shape.size() == 3;
    const auto experts = static_cast<std::size_t>(has_experts ? place.shape[0] : 1);
    const auto rows = static_cast<std::size_t>(place.shape[place.shape.size() - 2]);
    const auto columns = static_cast<std::size_t>(place.shape.back());
    for (std::size_t e = 0; e < experts; ++e)
      result.push_back({w, e, rows, columns, place.offset + e * rows * columns});
  }
  return result;
}

WeightLayout::WeightLayout(const Program& program) {
  for (const Tensor& tensor : program.tensors) {
    if (tensor.kind != TensorKind::Weight || by_name_.count(tensor.name)) continue;
    const auto count = static_cast<std::size_t>(tensor.elements());
    by_name_[tensor.name] = places_.size();
    places_.push_back({tensor.name, count_, count, tensor.shape, tensor.part});
    count_ += (count + 15) / 16 * 16;  // every weight starts on a cache line
  }
}

std::size_t WeightLayout::index_of(const Tensor& tensor) const {
  const auto found = by_name_.find(tensor.name);
  if (found == by_name_.end()) throw Error(Fault::BadInput, "the model has no weight \"" + tensor.name + "\"");
  return found->second;
}

const WeightLayout::Place& WeightLayout::of(const Tensor& tensor) const { return places_[index_of(tensor)]; }

std::vector<float> initial_weights(const WeightLayout& layout, std::size_t layers, std::uint64_t seed) {
  require_memory(4 * static_cast<double>(layout.count()),
                 "a model of " + std::to_string(layout.count()) + " parameters");
  std::vector<float> weights = zeros_in_large_pages(layout.count());
  const double residual = 1 / std::sqrt(2.0 * static_cast<double>(std::max<std::size_t>(1, layers)));
  for (std::size_t w = 0; w < layout.places().size(); ++w) {
    const auto& place = layout.places()[w];
    float* values = weights.data() + place.offset;
    if (ends_with(place.name, "scale")) {
      std::fill_n(values, place.count, 1.0f);
    } else if (place.shape.size() >= 2 && !ends_with(place.name, "bias")) {
      Random random(seed, w);
      const double sd = 0.02 * (writes_to_residual(place.name) ? residual : 1);
      for (std::size_t i = 0; i < place.count; ++i) values[i] = static_cast<float>(sd * random.normal());
    }
  }
  return weights;
}

std::vector<WeightMatrix> product_matrices(const WeightLayout& layout) {
  auto matrices = weight_matrices(layout);
  const bool own_head = std::any_of(layout.places().begin(), layout.places().end(),
                                    [](const auto& place) { return place.name == "head weight"; });
  if (own_head)
    std::erase_if(matrices, [&](const WeightMatrix& m) { return layout.places()[m.weight].name == "embedding"; });
  return matrices;
}

void PackedWeights::pack(const WeightLayout& layout, const float* weights, Precision precision, bool for_training,
                         int threads) {
  const auto all = product_matrices(layout);
  first_.assign(layout.places().size(), 0);
  for (std::size_t i = all.size(); i-- > 0;) first_[all[i].weight] = i;
  forward_.resize(all.size());
  if (for_training) backward_.resize(all.size());
  parallel_for(all.size() * (for_training ? 2 : 1), threads, [&](std::size_t job) {
    const WeightMatrix& m = all[job % all.size()];
    const float* w = weights + m.offset;
    if (job < all.size()) forward_[job].pack(m.columns, m.rows, MatrixView::transposed(w, m.columns), precision);
    else backward_[job - all.size()].pack(m.rows, m.columns, MatrixView::row_major(w, m.columns), precision);
  });
}

}  // namespace isoflop::sim
