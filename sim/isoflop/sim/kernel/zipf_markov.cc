#include "isoflop/sim/kernel/zipf_markov.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "isoflop/error.h"
#include "isoflop/random.h"

namespace isoflop::sim {
namespace {

std::vector<double> zipf(std::size_t count, double exponent) {
  std::vector<double> p(count);
  double sum = 0;
  for (std::size_t r = 0; r < count; ++r) sum += p[r] = std::pow(static_cast<double>(r + 1), -exponent);
  for (double& x : p) x /= sum;
  return p;
}

// Tokens ordered by log z + Gumbel noise: a random order in which frequent tokens tend to come first.
std::vector<std::size_t> biased_order(const std::vector<double>& z, Random& random) {
  std::vector<double> key(z.size());
  for (std::size_t x = 0; x < z.size(); ++x) key[x] = std::log(z[x]) - std::log(random.exponential());
  std::vector<std::size_t> order(z.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return key[a] > key[b] || (key[a] == key[b] && a < b); });
  return order;
}

}  // namespace

ZipfMarkov::ZipfMarkov(std::size_t vocabulary, std::uint64_t seed) : vocabulary_(vocabulary), seed_(seed) {
  if (vocabulary < 4 || vocabulary > 512)
    throw Error(Fault::Usage, "the Zipf-Markov source takes 4 to 512 tokens, not " + std::to_string(vocabulary));
  const std::size_t v = vocabulary;
  const auto z = zipf(v, 1), first = zipf(v, 1.5), second = zipf(v, 2);
  table_.resize(v * v * v);
  std::vector<double> law(v);
  for (std::size_t j = 0; j < v; ++j) {
    Random random_j(seed, j);
    const auto order_j = biased_order(z, random_j);
    for (std::size_t i = 0; i < v; ++i) {
      Random random_ij(seed, v + i * v + j);
      const auto order_ij = biased_order(z, random_ij);
      for (std::size_t x = 0; x < v; ++x) law[x] = 0.1 * z[x];
      for (std::size_t r = 0; r < v; ++r) {
        law[order_j[r]] += 0.3 * first[r];
        law[order_ij[r]] += 0.6 * second[r];
      }
      for (std::size_t x = 0; x < v; ++x) table_[(i * v + j) * v + x] = static_cast<float>(law[x]);
    }
  }
  pairs_.assign(v * v, 1.0 / static_cast<double>(v * v));
  for (int iteration = 0; iteration < 500; ++iteration) {
    std::vector<double> next(v * v, 0.0);
    for (std::size_t i = 0; i < v; ++i)
      for (std::size_t j = 0; j < v; ++j) {
        const double weight = pairs_[i * v + j];
        const float* row = &table_[(i * v + j) * v];
        for (std::size_t x = 0; x < v; ++x) next[j * v + x] += weight * static_cast<double>(row[x]);
      }
    const double sum = std::accumulate(next.begin(), next.end(), 0.0);
    double change = 0;
    for (std::size_t s = 0; s < next.size(); ++s) {
      next[s] /= sum;
      change += std::fabs(next[s] - pairs_[s]);
    }
    pairs_ = std::move(next);
    if (change < 1e-14) break;
  }
  std::vector<double> single(v, 0.0);
  bigram_.assign(v * v, 0.0f);
  std::vector<double> joint(v * v, 0.0);
  for (std::size_t i = 0; i < v; ++i)
    for (std::size_t j = 0; j < v; ++j) {
      const double weight = pairs_[i * v + j];
      single[j] += weight;
      for (std::size_t x = 0; x < v; ++x) {
        const double p = static_cast<double>(probability(i, j, x));
        entropy_[2] -= weight * p * std::log(p);
        joint[j * v + x] += weight * p;
      }
    }
  for (std::size_t j = 0; j < v; ++j) {
    entropy_[0] -= single[j] * std::log(single[j]);
    for (std::size_t x = 0; x < v; ++x) {
      bigram_[j * v + x] = static_cast<float>(joint[j * v + x] / single[j]);
      entropy_[1] -= joint[j * v + x] * std::log(joint[j * v + x] / single[j]);
    }
  }
}

double ZipfMarkov::window_floor(std::size_t length) const {
  return entropy_[2] + (entropy_[1] - entropy_[2]) / static_cast<double>(length);
}

std::vector<std::int32_t> ZipfMarkov::sample(std::size_t count, std::uint64_t stream) const {
  Random random(seed_ ^ 0x5eed, stream);
  const std::size_t v = vocabulary_;
  std::vector<std::int32_t> tokens;
  tokens.reserve(count + 2);
  double u = random.uniform();
  std::size_t state = 0;
  while (state + 1 < pairs_.size() && (u -= pairs_[state]) >= 0) ++state;
  std::size_t i = state / v, j = state % v;
  tokens.push_back(static_cast<std::int32_t>(i));
  tokens.push_back(static_cast<std::int32_t>(j));
  while (tokens.size() < count) {
    double left = random.uniform();
    const float* row = &table_[(i * v + j) * v];
    std::size_t x = 0;
    while (x + 1 < v && (left -= static_cast<double>(row[x])) >= 0) ++x;
    tokens.push_back(static_cast<std::int32_t>(x));
    i = j;
    j = x;
  }
  tokens.resize(count);
  return tokens;
}

double ZipfMarkov::perfect_loss(std::span<const std::int32_t> tokens, std::size_t length) const {
  double sum = 0;
  std::size_t targets = 0;
  for (std::size_t start = 0; start + length < tokens.size(); start += length + 1)
    for (std::size_t t = 1; t <= length; ++t, ++targets) {
      const auto x = static_cast<std::size_t>(tokens[start + t]), j = static_cast<std::size_t>(tokens[start + t - 1]);
      const float p =
          t == 1 ? bigram_[j * vocabulary_ + x] : probability(static_cast<std::size_t>(tokens[start + t - 2]), j, x);
      sum -= std::log(static_cast<double>(p));
    }
  return targets ? sum / static_cast<double>(targets) : 0;
}

}  // namespace isoflop::sim
