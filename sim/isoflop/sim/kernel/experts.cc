#include "isoflop/sim/kernel/experts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "isoflop/sim/kernel/vector_loops.h"

namespace isoflop::sim {
namespace {

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

void route(View logits, const Route& op, const float* selection_bias, View weights, std::int64_t* choice) {
  const auto experts = static_cast<std::size_t>(op.experts), k = static_cast<std::size_t>(op.per_token);
  std::vector<float> score(experts), rank(experts);
  std::vector<std::int64_t> order(experts);
  for (std::size_t r = 0; r < logits.rows; ++r) {
    for (std::size_t e = 0; e < experts; ++e) {
      score[e] = op.score == RouterScore::Sigmoid ? sigmoid(logits.row(r)[e]) : logits.row(r)[e];
      rank[e] = selection_bias ? score[e] + selection_bias[e] : score[e];
    }
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(),
                      [&](std::int64_t a, std::int64_t b) {
                        const float ra = rank[static_cast<std::size_t>(a)], rb = rank[static_cast<std::size_t>(b)];
                        return ra > rb || (ra == rb && a < b);
                      });
    const float top = score[static_cast<std::size_t>(order[0])];
    float total = 0;
    for (std::size_t s = 0; s < k; ++s) {
      const float own = score[static_cast<std::size_t>(order[s])];
      weights.row(r)[s] = op.score == RouterScore::Softmax ? std::exp(own - top) : own;
      total += weights.row(r)[s];
      choice[r * k + s] = order[s];
    }
    for (std::size_t s = 0; s < k; ++s) weights.row(r)[s] /= total;
  }
}

void route_backward(View logits, const Route& op, View weights, const std::int64_t* choice, View dweights,
                    View dlogits) {
  const auto k = static_cast<std::size_t>(op.per_token);
  for (std::size_t r = 0; r < logits.rows; ++r) {
    const float* w = weights.row(r);
    const float* d = dweights.row(r);
    float mixed = 0;
    for (std::size_t s = 0; s < k; ++s) mixed += w[s] * d[s];
    float total = 0;
    if (op.score == RouterScore::Sigmoid)
      for (std::size_t s = 0; s < k; ++s) total += sigmoid(logits.row(r)[choice[r * k + s]]);
    for (std::size_t s = 0; s < k; ++s) {
      const auto e = static_cast<std::size_t>(choice[r * k + s]);
      if (op.score == RouterScore::Softmax) {
        dlogits.row(r)[e] += w[s] * (d[s] - mixed);
      } else {
        const float own = sigmoid(logits.row(r)[e]);
        dlogits.row(r)[e] += (d[s] - mixed) / total * own * (1 - own);
      }
    }
  }
}

ExpertOrder expert_order(const std::int64_t* choice, std::size_t pairs, std::size_t experts) {
  ExpertOrder order;
  order.first.assign(experts + 1, 0);
  order.pair.resize(pairs);
  for (std::size_t p = 0; p < pairs; ++p) ++order.first[static_cast<std::size_t>(choice[p]) + 1];
  for (std::size_t e = 0; e < experts; ++e) order.first[e + 1] += order.first[e];
  std::vector<std::size_t> next(order.first.begin(), order.first.end() - 1);
  for (std::size_t p = 0; p < pairs; ++p) order.pair[next[static_cast<std::size_t>(choice[p])]++] = p;
  return order;
}

void dispatch_copy(View x, const ExpertOrder& order, std::size_t per_token, View sorted) {
  for (std::size_t r = 0; r < sorted.rows; ++r)
    std::copy_n(x.row(order.pair[r] / per_token), sorted.width, sorted.row(r));
}

void dispatch_copy_backward(View dsorted, const ExpertOrder& order, std::size_t per_token, View dx) {
  for (std::size_t r = 0; r < dsorted.rows; ++r)
    vector_loops().accumulate(dx.width, dsorted.row(r), dx.row(order.pair[r] / per_token));
}

void combine(View sorted, const ExpertOrder& order, View weights, const float* bias, View y) {
  const std::size_t k = weights.width;
  for (std::size_t r = 0; r < y.rows; ++r) {
    if (bias) std::copy_n(bias, y.width, y.row(r));
    else std::fill_n(y.row(r), y.width, 0.0f);
  }
  for (std::size_t r = 0; r < sorted.rows; ++r) {
    const std::size_t pair = order.pair[r];
    vector_loops().axpy(y.width, weights.row(pair / k)[pair % k], sorted.row(r), y.row(pair / k));
  }
}

void combine_backward(View sorted, const ExpertOrder& order, View weights, View dy, View dsorted, View dweights,
                      float* dbias) {
  const std::size_t k = weights.width;
  for (std::size_t r = 0; r < sorted.rows; ++r) {
    const std::size_t pair = order.pair[r];
    vector_loops().axpy(dy.width, weights.row(pair / k)[pair % k], dy.row(pair / k), dsorted.row(r));
    dweights.row(pair / k)[pair % k] += vector_loops().dot(dy.width, dy.row(pair / k), sorted.row(r));
  }
  if (dbias)
    for (std::size_t r = 0; r < dy.rows; ++r) vector_loops().accumulate(dy.width, dy.row(r), dbias);
}

}  // namespace isoflop::sim
