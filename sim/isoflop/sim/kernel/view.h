// Rows of a larger buffer. Tensors that one product computes together lie side by side and are told apart by their
// views.
#pragma once
#include <algorithm>
#include <cstddef>

namespace isoflop::sim {

struct View {
  float* data = nullptr;
  std::size_t rows = 0, width = 0, stride = 0;

  float* row(std::size_t i) const { return data + i * stride; }  ///< Start of row i.
  void fill(float value) const {  ///< Sets every element of the view.
    for (std::size_t i = 0; i < rows; ++i) std::fill_n(row(i), width, value);
  }
};

}  // namespace isoflop::sim
