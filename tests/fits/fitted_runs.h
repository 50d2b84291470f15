// Data that several tests of the Chinchilla estimator share.
#pragma once
#include <cmath>

#include "isoflop/fits/bootstrap.h"
#include "isoflop/random.h"

/// The 240 runs of the classical fit.
inline const isoflop::fits::RunTable& kept_runs() {
  static const auto runs = isoflop::fits::open_runs("chinchilla").excluding_highest(5);
  return runs;
}

inline const isoflop::fits::ChinchillaFit& kept_fit() {
  static const auto fit = isoflop::fits::fit_chinchilla(kept_runs());
  return fit;
}

inline double alpha_of(const isoflop::fits::ChinchillaLaw& law) { return law.alpha; }
inline double beta_of(const isoflop::fits::ChinchillaLaw& law) { return law.beta; }
inline double floor_of(const isoflop::fits::ChinchillaLaw& law) { return law.E; }
inline double a_of(const isoflop::fits::ChinchillaLaw& law) { return law.exponent_a(); }

/// A law close to the replication of 2024, as a known truth.
inline const isoflop::fits::ChinchillaLaw known_law{1.8172, 482.01, 2085.43, .3478, .3658};
