#include "isoflop/sim/kernel/streamed_weights.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "isoflop/parallel.h"
#include "isoflop/sim/kernel/vector_loops.h"

namespace isoflop::sim {
namespace {

constexpr std::size_t chunk_bytes = 128 * 1024;

struct alignas(64) Share {
  std::atomic<std::size_t> next{0};
  std::size_t end = 0;
};

}  // namespace

StreamedWeights::StreamedWeights(const WeightLayout& layout, const float* weights, WeightFormat format, int threads) {
  const auto wanted = product_matrices(layout);
  first_.assign(layout.places().size(), 0);
  for (std::size_t i = wanted.size(); i-- > 0;) first_[wanted[i].weight] = i;
  std::vector<std::optional<StreamedMatrix>> made(wanted.size());
  parallel_for(wanted.size(), threads, [&](std::size_t i) {
    made[i].emplace(wanted[i].rows, wanted[i].columns, weights + wanted[i].offset, format);
  });
  for (auto& matrix : made) matrices_.push_back(std::move(*matrix));
}

void StreamedWeights::multiply(std::size_t weight, std::size_t expert, View x, const float* bias, View y,
                               Crew& crew) const {
  const StreamedMatrix& w = matrices_[first_[weight] + expert];
  static thread_local std::vector<StreamedInput> kept;  // memory is found again by the next product
  std::vector<StreamedInput>& inputs = kept;
  if (inputs.size() < x.rows) inputs.resize(x.rows);
  for (std::size_t r = 0; r < x.rows; ++r) inputs[r].prepare(x.row(r), w.columns(), w.format());
  // Each thread reads its own share front to back, in chunks; who is done early takes chunks of the others. Which
  // thread computes a panel does not change its bits.
  const std::size_t shares = crew.size();
  const std::size_t chunk = std::max<std::size_t>(1, chunk_bytes * w.panels() / std::max<std::size_t>(1, w.bytes()));
  std::vector<Share> own(shares);
  for (std::size_t i = 0; i < shares; ++i) {
    own[i].next = w.panels() * i / shares;
    own[i].end = w.panels() * (i + 1) / shares;
  }
  crew.run([&](std::size_t share) {
    for (std::size_t i = 0; i < shares; ++i) {
      Share& from = own[(share + i) % shares];
      for (std::size_t first; (first = from.next.fetch_add(chunk)) < from.end;)
        w.multiply({inputs.data(), x.rows}, first, std::min(first + chunk, from.end), y);
    }
  });
  if (bias)
    for (std::size_t r = 0; r < y.rows; ++r) vector_loops().accumulate(y.width, bias, y.row(r));
}

std::size_t StreamedWeights::bytes() const {
  std::size_t sum = 0;
  for (const auto& matrix : matrices_) sum += matrix.bytes();
  return sum;
}

}  // namespace isoflop::sim
