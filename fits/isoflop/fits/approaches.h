// The ways to an optimal allocation side by side, on the same runs and the same resamples: parabolas at each budget
// (approach 2), the same without their bias, one law through all runs (approach 3), and the coupled form of it.
// Because every resample goes through all of them, differences between approaches have intervals of their own: two
// estimates from the same runs can differ significantly although their intervals overlap, and the reverse.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/estimate.h"
#include "isoflop/fits/chinchilla_fit.h"
#include "isoflop/fits/isoflop_parabola.h"

namespace isoflop::fits {

/// Which way to the optimum; their order is that of every list here.
enum class ApproachKind { Parabolas, CorrectedParabolas, Law, CoupledLaw };
inline constexpr std::size_t approach_count = 4;
std::string approach_id(
    ApproachKind kind);  ///< "approach-2", "approach-2-corrected", "approach-3", "approach-3-coupled"
std::string approach_label(ApproachKind kind);

struct ApproachOptions {  ///< Budgets, settings of the single approaches, and the bootstrap that all of them share.
  std::vector<double> budgets_flop;      ///< at which N* and D* are asked for
  IsoflopOptions isoflop;                ///< alpha and beta are filled in from approach 3
  ChinchillaOptions law;                 ///< `coupled` is set as needed
  std::size_t replicates = 300;          ///< pairs bootstrap; 0 = no intervals
  double level = 0.9;
  std::uint64_t seed = 42;
  int threads = 0;
};

struct ApproachResult {  ///< What one approach says on the runs, with intervals from the resamples.
  ApproachKind kind = ApproachKind::Law;
  std::string reason;          ///< why it gives no answer; empty when it does
  FittedValue exponent_a;
  std::vector<FittedValue> params;  ///< N* per budget
  std::vector<FittedValue> tokens;
  std::size_t replicates = 0;  ///< resamples that gave an answer

  bool usable() const { return reason.empty(); }
};

struct ApproachDifference {  ///< How far apart two approaches are, from the same resamples.
  ApproachKind first = ApproachKind::Law, second = ApproachKind::Law;
  FittedValue exponent_a;                ///< first minus second
  std::vector<FittedValue> params_ratio; ///< N* of the first over the second's, per budget
};

struct ApproachComparison {  ///< Every approach, and every pair of usable ones.
  std::vector<ApproachResult> approaches;       ///< in the order of ApproachKind
  std::vector<ApproachDifference> differences;  ///< between usable ones
  IsoflopFit isoflop;                           ///< on the runs themselves, uncorrected
  ChinchillaFit law, coupled;
};

/// An approach that can say nothing is returned with its reason. Results do not depend on `threads`.
ApproachComparison compare_approaches(const RunTable& runs, const ApproachOptions& options);

}  // namespace isoflop::fits
