// Random draws that are the same everywhere: mt19937_64 bits, Boost distributions, one stream per replicate.
#pragma once
#include <cstdint>
#include <random>
#include <vector>

namespace isoflop {

/// Seed of replicate `index`: results then depend on neither thread count nor order. SplitMix64 of both.
std::uint64_t stream_seed(std::uint64_t seed, std::uint64_t index);

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  Random(std::uint64_t seed, std::uint64_t index) : engine_(stream_seed(seed, index)) {}

  double uniform();                      ///< [0, 1)
  double uniform(double low, double high);
  double normal();                       ///< mean 0, variance 1
  double exponential();                  ///< mean 1
  double gamma(double shape);            ///< scale 1
  double triangular(double low, double mode, double high);
  std::uint64_t poisson(double mean);
  std::size_t index(std::size_t count);  ///< 0 .. count-1
  bool coin();

 private:
  std::mt19937_64 engine_;
};

}  // namespace isoflop
