// y = x transpose(w) + bias on whole rows, and its gradients.
#pragma once
#include "isoflop/sim/kernel/matrix_product.h"
#include "isoflop/sim/kernel/view.h"

namespace isoflop::sim {

/// y (rows, columns) = x[:, :inner] * packed + bias. bias (columns) may be null.
void linear(View x, const PackedMatrix& w, const float* bias, View y, PackBuffers& buffers);

/// dx[:, :inner] (+)= dy * packed w. `accumulate` false overwrites.
void linear_input_gradient(View dy, const PackedMatrix& w, View dx, bool accumulate, PackBuffers& buffers);

/// dw (columns, inner) (+)= transpose(dy) * x[:, :inner]; dbias += column sums of dy (may be null).
void linear_weight_gradient(View x, View dy, std::size_t inner, float* dw, bool accumulate, float* dbias,
                            Precision precision, PackBuffers& buffers);

}  // namespace isoflop::sim
