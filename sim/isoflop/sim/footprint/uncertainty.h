// Monte Carlo around a pure function: inputs are distributions with sources, outputs get 90 % intervals, and each
// input gets its share of the output's variance.
//
// Shares are Sobol indices by pick-freeze (two independent samples A, B and A with one column of B), with the
// estimators of Jansen 1999, doi:10.1016/S0010-4655(98)00154-4; design of Saltelli et al. 2010,
// doi:10.1016/j.cpc.2009.09.018. first_order: variance explained by the input alone; total: with all its interactions.
// Inputs are drawn independently of each other: correlated inputs (two PUEs of one site) must be one input.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "isoflop/estimate.h"
#include "isoflop/sim/footprint/distribution.h"

namespace isoflop::sim {

struct UncertainInput {  ///< A named input with its distribution and source.
  std::string name;
  std::string unit;
  Distribution distribution;
  std::string source;  ///< a citation, or "assumed"
};

struct VarianceShare {  ///< Share of an output's variance that an input explains.
  std::string input;
  double first_order = 0;
  double total = 0;
};

struct Propagated {  ///< Intervals and variance shares of every output.
  std::vector<Estimate> outputs;  ///< 5th, 50th, 95th percentile; exact when no input is uncertain
  std::vector<double> means;
  /// Per output, largest first; empty when nothing is uncertain or the output does not vary.
  std::vector<std::vector<VarianceShare>> shares;
  std::size_t draws = 0;
};

struct PropagationOptions {  ///< Sample size, seed and threads.
  std::size_t draws = 16384;  ///< of each of the samples A and B
  std::uint64_t seed = 42;
  int threads = 0;
};

/// Writes the outputs that belong to one draw of the inputs. Called from several threads at once.
using PureFunction = std::function<void(std::span<const double> inputs, std::span<double> outputs)>;

/// The same for any number of threads. Throws Error (CannotRun) when the function gives a value that is not finite.
Propagated propagate(const std::vector<UncertainInput>& inputs, std::size_t output_count, const PureFunction& function,
                     const PropagationOptions& options = {});

}  // namespace isoflop::sim
