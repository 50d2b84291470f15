#include "isoflop/random.h"

#include <boost/random/exponential_distribution.hpp>
#include <boost/random/gamma_distribution.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/poisson_distribution.hpp>
#include <boost/random/uniform_01.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

namespace isoflop {
namespace {

std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

std::uint64_t stream_seed(std::uint64_t seed, std::uint64_t index) { return mixed(mixed(seed) ^ mixed(~index)); }

double Random::uniform() { return boost::random::uniform_01<double>()(engine_); }
double Random::uniform(double low, double high) { return low + (high - low) * uniform(); }
double Random::normal() { return boost::random::normal_distribution<double>()(engine_); }
double Random::exponential() { return boost::random::exponential_distribution<double>()(engine_); }
double Random::gamma(double shape) { return boost::random::gamma_distribution<double>(shape)(engine_); }

double Random::triangular(double low, double mode, double high) {
  if (high <= low) return mode;
  const double u = uniform();
  const double split = (mode - low) / (high - low);
  return u < split ? low + std::sqrt(u * (high - low) * (mode - low))
                   : high - std::sqrt((1 - u) * (high - low) * (high - mode));
}

std::uint64_t Random::poisson(double mean) {
  return boost::random::poisson_distribution<std::uint64_t, double>(mean)(engine_);
}
std::size_t Random::index(std::size_t count) {
  return boost::random::uniform_int_distribution<std::size_t>(0, count - 1)(engine_);
}
bool Random::coin() { return (engine_() >> 63) != 0; }

}  // namespace isoflop
