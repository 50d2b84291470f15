// The loss law that the fast estimator fits, as five or six numbers, and what follows from them in closed form.
//   L(N, D) = E + (A / N^alpha + B / D^beta)^k        k = 1: Hoffmann et al. 2022, arXiv:2203.15556
// L in nats per token, N parameters, D tokens; compute C = 6ND FLOP.
#pragma once
#include <cmath>
#include <string>
#include <vector>

namespace isoflop::fits {

/// The least loss for a compute budget and where it lies.
struct ComputeOptimum {
  double params = 0;
  double tokens = 0;
  double loss = 0;
};

struct ChinchillaLaw {
  double E = 0, A = 0, B = 0, alpha = 0, beta = 0;
  double k = 1;

  double loss(double params, double tokens) const {  ///< Nats per token; both arguments positive.
    const double reducible = A * std::pow(params, -alpha) + B * std::pow(tokens, -beta);
    return E + (k == 1 ? reducible : std::pow(reducible, k));
  }
  /// N* grows as C^a and D* as C^b, a + b = 1; k does not matter.
  double exponent_a() const { return beta / (alpha + beta); }
  double exponent_b() const { return alpha / (alpha + beta); }
  /// N*(C) = G (C/6)^a.
  double G() const { return std::pow(alpha * A / (beta * B), 1 / (alpha + beta)); }
  ComputeOptimum optimum(double compute_flop) const {  ///< Least loss for a budget in FLOP, at N* = G (C/6)^a.
    const double params = G() * std::pow(compute_flop / 6, exponent_a());
    const double tokens = compute_flop / (6 * params);
    return {params, tokens, loss(params, tokens)};
  }
};

/// Fits of the same law to resampled data: what uncertain quantities are computed from.
/// Row i belongs to random stream i of `seed`, whatever the number of threads.
struct Draws {
  std::string scheme;               ///< "pairs", "cluster by model size", ...
  std::vector<ChinchillaLaw> laws;  ///< one per replicate that gave a fit
  std::size_t failed = 0;           ///< replicates whose data identify no fit; left out of `laws`
};

}  // namespace isoflop::fits
