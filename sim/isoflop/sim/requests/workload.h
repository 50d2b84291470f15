// Made-up requests: an arrival process and distributions of lengths. A longer list begins with the shorter one, and
// changing the rate only stretches the arrivals: arrivals and lengths have random streams of their own.
//
//   poisson   gaps exponential with mean 1/rate
//   gamma     gaps gamma with that mean and shape `burstiness` (vLLM's word): 1 is Poisson, less is burstier
//   uniform   equal gaps
// Lengths about their mean m, rounded, at least 1: fixed; uniform in m (1 - spread) .. m (1 + spread); lognormal with
// that mean and standard deviation m x spread.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "isoflop/sim/requests/request.h"

namespace isoflop::sim {

enum class ArrivalProcess { Poisson, Gamma, Uniform };  ///< Distribution of the gaps.
inline const std::vector<std::string> arrival_process_names = {"poisson", "gamma", "uniform"};
enum class LengthShape { Fixed, Uniform, LogNormal };  ///< Distribution of the lengths.
inline const std::vector<std::string> length_shape_names = {"fixed", "uniform", "lognormal"};

struct WorkloadOptions {  ///< Arrivals, lengths and shared prefixes.
  std::int64_t requests = 1000;
  double rate_per_s = 1;  ///< 0: all at once
  ArrivalProcess arrivals = ArrivalProcess::Poisson;
  double burstiness = 1;
  LengthShape lengths = LengthShape::Fixed;
  double prompt_mean = 2048, output_mean = 256, spread = 0.5;
  double prefix_share = 0;         ///< of the mean prompt, equal for all requests of a group
  std::int64_t prefix_groups = 1;  ///< drawn with equal chances
  std::int64_t longest = std::int64_t{1} << 24;  ///< lengths are cut there
};

/// Throws Error (Usage) for options that cannot be.
std::vector<Request> make_requests(const WorkloadOptions& options, std::uint64_t seed);

/// The same number of arrivals as `requests`, from the process; lengths and prefixes stay.
void replace_arrivals(std::vector<Request>& requests, const WorkloadOptions& options, std::uint64_t seed);

/// `count` requests: those given, in order, then draws from them with equal chances.
std::vector<Request> resample(const std::vector<Request>& requests, std::int64_t count, std::uint64_t seed);

}  // namespace isoflop::sim
