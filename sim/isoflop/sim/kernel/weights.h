// The weights of a model in one array, and their packed copies for the matrix product.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "isoflop/model/program.h"
#include "isoflop/sim/kernel/matrix_product.h"

namespace isoflop::sim {

/// Where each weight tensor of a program stands in the array; programs of one architecture name weights alike.
class WeightLayout {
 public:
  explicit WeightLayout(const Program& program);

  struct Place {  ///< Where one weight stands in the array.
    std::string name;
    std::size_t offset, count;
    std::vector<std::int64_t> shape;
    Part part;
  };
  const std::vector<Place>& places() const { return places_; }
  std::size_t count() const { return count_; }
  /// Throws Error (BadInput) when the program has a weight this layout lacks.
  const Place& of(const Tensor& tensor) const;
  std::size_t index_of(const Tensor& tensor) const;

 private:
  std::vector<Place> places_;
  std::unordered_map<std::string, std::size_t> by_name_;
  std::size_t count_ = 0;
};

/// A matrix (rows, columns) among the weights; one per expert where the weight has experts.
struct WeightMatrix {
  std::size_t weight, expert, rows, columns, offset;
};
/// Every operand of a matrix product, the embedding included.
std::vector<WeightMatrix> weight_matrices(const WeightLayout& layout);
/// The same without the embedding where the head is a matrix of its own: then it is only looked up.
std::vector<WeightMatrix> product_matrices(const WeightLayout& layout);

/// Random start: matrices normal with sd 0.02 (Radford et al. 2019), those that write to the residual stream divided by
/// sqrt(2 layers), norm scales 1, biases 0. Depends on the seed and the layout only.
std::vector<float> initial_weights(const WeightLayout& layout, std::size_t layers, std::uint64_t seed);

/// Every matrix packed for both directions; made again after each optimiser step.
class PackedWeights {
 public:
  /// `for_training` adds the operands of the input gradients.
  void pack(const WeightLayout& layout, const float* weights, Precision precision, bool for_training, int threads);
  /// transpose(w): right-hand side of y = x transpose(w). One per expert where the weight has experts.
  const PackedMatrix& forward(std::size_t weight, std::size_t expert = 0) const {
    return forward_[first_[weight] + expert];
  }
  /// w: right-hand side of dx = dy w.
  const PackedMatrix& backward(std::size_t weight, std::size_t expert = 0) const {
    return backward_[first_[weight] + expert];
  }

 private:
  std::vector<PackedMatrix> forward_, backward_;
  std::vector<std::size_t> first_;
};

}  // namespace isoflop::sim
