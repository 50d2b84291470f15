// What `fit` computed, before it is put into words: the fit, its draws, and intervals of whatever is asked of them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/fits/bootstrap.h"
#include "isoflop/fits/diagnostics.h"

namespace isoflop::app {

enum class IntervalKind { Percentile, Normal, Bca };

/// A quantity that follows from a law; `positive` ones have normal intervals on the logarithm.
struct Quantity {
  std::string key;    ///< for JSON
  std::string label;  ///< for people
  fits::Functional of;
  bool positive = false;
};

struct FitAnalysis {
  fits::RunTable all, runs;  ///< as read, and as fitted
  std::string law_name;
  fits::ChinchillaOptions options;
  fits::ChinchillaFit fit;
  double level = 0.9;
  fits::BootstrapOptions settings;
  IntervalKind kind = IntervalKind::Percentile;
  fits::Draws draws;      ///< of the chosen scheme; empty without a bootstrap
  fits::Draws left_out;   ///< one group of the scheme at a time, for BCa
  fits::Draws clustered;  ///< by model size, where sizes repeat: the scheme whose intervals cover best
  fits::GroupCorrelation size_correlation;
  double coupling_ratio = 0;  ///< likelihood ratio of a free exponent k, 0 when k is free or the fit unusable

  FittedValue interval(const Quantity& quantity) const;
  FittedValue clustered_interval(const Quantity& quantity) const;
  std::string interval_text() const;  ///< "percentiles of the pairs bootstrap, 1000 replicates"
};

/// E, A, B, alpha, beta and, where it is free, k.
std::vector<Quantity> parameter_quantities(const fits::ChinchillaOptions& options);
Quantity exponent_a_quantity();
Quantity exponent_b_quantity();
Quantity scale_quantity();  ///< G
/// N*, D*, D/N and loss at a budget.
std::vector<Quantity> allocation_quantities(double compute_flop);

}  // namespace isoflop::app
