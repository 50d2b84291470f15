// The loops over single rows and arrays that surround the matrix products, one set per instruction set.
// Sums run over sixteen lanes in a fixed order on every CPU. Private to the kernel.
#pragma once
#include <cstddef>
#include <cstdint>

namespace isoflop::sim {

/// Letters: n elements, x input, y output, dx and dy gradients; gradients of inputs accumulate (+=).
struct VectorLoops {
  void (*add)(std::size_t n, const float* a, const float* b, float* y);
  void (*accumulate)(std::size_t n, const float* x, float* y);             ///< y += x
  void (*axpy)(std::size_t n, float factor, const float* x, float* y);     ///< y += factor x
  void (*scale)(std::size_t n, float factor, float* x);
  float (*dot)(std::size_t n, const float* a, const float* b);
  /// y[j] = x . row j, and y += sum of factors[j] * row j, over `count` rows of n elements at rows + j * stride.
  void (*dots)(std::size_t count, std::size_t n, const float* x, const float* rows, std::size_t stride, float* y);
  void (*weighted_sum)(std::size_t count, std::size_t n, const float* factors, const float* rows, std::size_t stride,
                       float* y);
  double (*sum_of_squares)(std::size_t n, const float* x);

  /// y = x / rms * scale (scale may be null); returns 1 / rms, rms^2 = mean(x^2) + epsilon.
  float (*rms_norm)(std::size_t n, const float* x, const float* scale, float epsilon, float* y);
  void (*rms_norm_backward)(std::size_t n, const float* x, const float* scale, const float* dy, float inverse_rms,
                            float* dx, float* dscale);
  /// y = (x - mean) / sd * scale + bias; statistics: mean, 1 / sd.
  void (*layer_norm)(std::size_t n, const float* x, const float* scale, const float* bias, float epsilon, float* y,
                     float statistics[2]);
  void (*layer_norm_backward)(std::size_t n, const float* x, const float* scale, const float* dy,
                              const float statistics[2], float* dx, float* dscale, float* dbias);

  /// SiLU(gate) * up and its gradients.
  void (*silu_gate)(std::size_t n, const float* gate, const float* up, float* y);
  void (*silu_gate_backward)(std::size_t n, const float* gate, const float* up, const float* dy, float* dgate,
                             float* dup);
  void (*silu)(std::size_t n, const float* x, float* y);
  void (*silu_backward)(std::size_t n, const float* x, const float* dy, float* dx);
  /// x times the normal distribution function (Hendrycks & Gimpel 2016, arXiv:1606.08415).
  void (*gelu)(std::size_t n, const float* x, float* y);
  void (*gelu_backward)(std::size_t n, const float* x, const float* dy, float* dx);
  void (*gelu_gate)(std::size_t n, const float* gate, const float* up, float* y);
  void (*gelu_gate_backward)(std::size_t n, const float* gate, const float* up, const float* dy, float* dgate,
                             float* dup);

  float (*maximum)(std::size_t n, const float* x);
  /// x = exp(x * factor - shift), and their sum; -infinity gives 0.
  float (*exponentials)(std::size_t n, float factor, float shift, float* x);
  /// score gradient of a softmax row: p (n) *= (dp - mean_dp) * factor.
  void (*softmax_backward)(std::size_t n, const float* dp, float mean_dp, float factor, float* p);

  /// One AdamW step (arXiv:1711.05101): m, v moments; `step_size` learning rate with bias correction of m folded in,
  /// `root_correction` = 1 / sqrt(1 - beta2^t), `decay` = learning rate x weight decay; `gradient_factor` clips.
  void (*adamw)(std::size_t n, float* w, float* m, float* v, const float* gradient, float gradient_factor, float beta1,
                float beta2, float step_size, float root_correction, float epsilon, float decay);
  /// Rotates pairs (x[i], x[i + half]) by the angles whose cosines and sines are given; backward: sign = -1.
  void (*rotate)(std::size_t half, const float* cosines, const float* sines, float sign, const float* x, float* y,
                 bool add);
};

/// The loops for the instruction set in use.
const VectorLoops& vector_loops();

VectorLoops vector_loops_scalar();
VectorLoops vector_loops_avx2();
VectorLoops vector_loops_avx512();

}  // namespace isoflop::sim
