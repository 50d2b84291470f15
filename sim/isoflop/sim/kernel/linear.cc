#include "isoflop/sim/kernel/linear.h"

#include "isoflop/sim/kernel/vector_loops.h"

namespace isoflop::sim {

void linear(View x, const PackedMatrix& w, const float* bias, View y, PackBuffers& buffers) {
  matrix_product(x.rows, MatrixView::row_major(x.data, x.stride), w, y.data, y.stride, false, buffers);
  if (bias)
    for (std::size_t r = 0; r < y.rows; ++r) vector_loops().accumulate(y.width, bias, y.row(r));
}

void linear_input_gradient(View dy, const PackedMatrix& w, View dx, bool accumulate, PackBuffers& buffers) {
  matrix_product(dy.rows, MatrixView::row_major(dy.data, dy.stride), w, dx.data, dx.stride, accumulate, buffers);
}

void linear_weight_gradient(View x, View dy, std::size_t inner, float* dw, bool accumulate, float* dbias,
                            Precision precision, PackBuffers& buffers) {
  matrix_product(dy.width, inner, x.rows, MatrixView::transposed(dy.data, dy.stride),
                 MatrixView::row_major(x.data, x.stride), dw, inner, accumulate, precision, buffers);
  if (dbias)
    for (std::size_t r = 0; r < dy.rows; ++r) vector_loops().accumulate(dy.width, dy.row(r), dbias);
}

}  // namespace isoflop::sim
