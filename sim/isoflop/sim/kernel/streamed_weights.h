// Every matrix of a model in the format decoding reads it in.
#pragma once
#include "isoflop/sim/kernel/crew.h"
#include "isoflop/sim/kernel/streamed_matrix.h"
#include "isoflop/sim/kernel/weights.h"

namespace isoflop::sim {

class StreamedWeights {
 public:
  /// The embedding is included only where the head shares it; looking a token up reads the fp32 table.
  StreamedWeights(const WeightLayout& layout, const float* weights, WeightFormat format, int threads);

  /// y = x transpose(w) + bias, the rows of w split over the crew; each weight is read once for all rows of x.
  void multiply(std::size_t weight, std::size_t expert, View x, const float* bias, View y, Crew& crew) const;
  const StreamedMatrix& matrix(std::size_t weight, std::size_t expert = 0) const {
    return matrices_[first_[weight] + expert];
  }
  std::size_t bytes() const;  ///< of all matrices: what one decode step reads when every expert is used

 private:
  std::vector<StreamedMatrix> matrices_;
  std::vector<std::size_t> first_;
};

}  // namespace isoflop::sim
