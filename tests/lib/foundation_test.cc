// Random streams, parallel loops, statistics, names, hashes, units.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <vector>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/sha256.h"
#include "isoflop/statistics.h"
#include "isoflop/units.h"

using namespace isoflop;

TEST_CASE("SHA-256 of the standard's example") {
  // FIPS 180-4, example "abc".
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("quantiles interpolate between order statistics") {
  const std::array x{4.0, 1.0, 3.0, 2.0};
  CHECK(quantile(x, 0) == 1);
  CHECK(quantile(x, 1) == 4);
  CHECK(median(x) == 2.5);
  CHECK(agrees(quantile(x, 0.9), 3.7, 14));
}

TEST_CASE("distribution quantiles agree with printed tables") {
  // Any statistics text: z(0.95) = 1.6449, t(0.975; 10) = 2.2281, chi2(0.95; 1) = 3.8415.
  CHECK(agrees(normal_quantile(0.95), 1.644854, 6));
  CHECK(agrees(student_t_quantile(0.975, 10), 2.228139, 6));
  CHECK(agrees(chi_squared_quantile(0.95, 1), 3.841459, 6));
}

TEST_CASE("replicate streams differ from each other and depend on the seed alone") {
  CHECK(Random(42, 0).uniform() == Random(42, 0).uniform());
  CHECK(Random(42, 0).uniform() != Random(42, 1).uniform());
  CHECK(Random(42, 0).uniform() != Random(43, 0).uniform());
  std::vector<double> sample;
  Random random(1);
  for (int i = 0; i < 20000; ++i) sample.push_back(random.normal());
  CHECK(std::fabs(mean(sample)) < 4 / std::sqrt(20000.0));
  CHECK(agrees(standard_deviation(sample), 1, 1.5));
}

TEST_CASE("a parallel loop visits each index once on any number of threads, and passes exceptions on") {
  for (int threads : {1, 2, 7}) {
    std::vector<std::atomic<int>> visits(1000);
    parallel_for(visits.size(), threads, [&](std::size_t i) { ++visits[i]; });
    bool once = true;
    for (const auto& v : visits) once = once && v == 1;
    CHECK(once);
    CHECK_THROWS_AS(parallel_for(50, threads,
                                 [](std::size_t i) {
                                   if (i == 20) throw std::runtime_error("x");
                                 }),
                    std::runtime_error);
  }
}

TEST_CASE("a near name is suggested, a far one is not") {
  CHECK(nearest_names("phi3-mini", {"phi-3-mini", "arctic", "dbrx"}) == std::vector<std::string>{"phi-3-mini"});
  CHECK(nearest_names("zzzzzz", {"phi-3-mini", "arctic"}).empty());
}

namespace {
template <typename A, typename B>
concept Multipliable = requires(A a, B b) { FacilityEnergy(a * b); };
}  // namespace

TEST_CASE("PUE applies to IT energy once and to facility energy never") {
  const FacilityEnergy facility = Pue(1.1) * ItEnergy(100);
  CHECK(agrees(facility.in_base_units(), 110, 14));
  static_assert(Multipliable<Pue, ItEnergy>);
  static_assert(!Multipliable<Pue, FacilityEnergy>);
  static_assert(!Multipliable<Pue, Pue>);
}
