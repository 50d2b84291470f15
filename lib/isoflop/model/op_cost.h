// What an operation costs: arithmetic and elements moved, per pass, exactly as a straightforward execution does it.
// Conventions: a multiply-add is 2 FLOP; additions, divisions, exponentials, roots count 1; comparisons and copies 0.
// Gradients accumulate, so every contribution to one costs an addition. Attention counts the pairs it computes.
// Traffic counts each operand once, in elements: an ideal cache, no re-reading. A witness executes the program with a
// counting scalar and finds the same numbers (tests/lib/model).
#pragma once
#include "isoflop/model/program.h"

namespace isoflop {

enum class Pass {  ///< What is counted apart.
  Forward,
  Backward,     ///< what the mathematics needs: twice the matrix products of the forward pass
  ScoresAgain,  ///< what flash attention repeats in its backward pass because it keeps no scores (half the forward
                ///< core)
};

/// Elements moved, by what they are; bytes follow from the formats.
struct Traffic {
  double weights = 0;      ///< parameters read
  double activations = 0;  ///< activations and their gradients, read or written
  double kv = 0;           ///< cache read or written
  double gradients = 0;    ///< parameter gradients written
  double statistics = 0;   ///< fp32 side results
  double sum() const { return weights + activations + kv + gradients + statistics; }
  Traffic& operator+=(const Traffic& other);
  friend Traffic operator*(double factor, Traffic t);
};

struct PassCost {  ///< Arithmetic and traffic of a pass.
  double matmul_flops = 0;  ///< matrix products, attention core included: what model FLOP counts
  double vector_flops = 0;  ///< the rest: norms, activations, softmax, residuals
  Traffic traffic;
  double flops() const { return matmul_flops + vector_flops; }
  PassCost& operator+=(const PassCost& other);
  friend PassCost operator*(double factor, PassCost c);
};

/// Cost of one execution of `op` (its `times` not included).
PassCost cost(const Op& op, Pass pass);

/// Sum over the program, `times` included.
PassCost cost(const Program& program, Pass pass);

/// Bytes per element.
struct Formats {
  double weight_bytes = 2;
  double activation_bytes = 2;
  double kv_bytes = 2;
  double gradient_bytes = 2;
};
double bytes(const Traffic& traffic, const Formats& formats);

/// Elements that the backward pass needs from the forward pass: the distinct tensors that operations save.
struct SavedActivations {
  double activations = 0;  ///< elements of the activation format
  double statistics = 0;   ///< fp32 elements
  double logits = 0;       ///< elements of the logits, counted apart
};
SavedActivations saved_activations(const Program& program);

}  // namespace isoflop
