// Storage for a plain execution of a program, and what both passes need to know about rows, keys and experts.
// The naive execution is the oracle: one obvious loop per operation, templated on its scalar. With a counting scalar it
// proves op_cost.h; with double it checks faster kernels and gradients. It is slow on purpose.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "isoflop/model/program.h"

namespace isoflop::naive {

/// One product of a matrix multiplication; a scalar may overload it to count matrix arithmetic apart.
template <typename Scalar>
Scalar multiply_add(const Scalar& a, const Scalar& b, const Scalar& c) {
  return c + a * b;
}

template <typename Scalar>
struct Values {  ///< Contents of every tensor, and their gradients.
  explicit Values(const Program& p)
      : program(p), data(p.tensors.size()), gradient(p.tensors.size()), whole(p.tensors.size()) {
    for (std::size_t i = 0; i < p.tensors.size(); ++i) {
      const Tensor& t = p.tensors[i];
      const auto size = static_cast<std::size_t>(t.elements());
      if (t.kind == TensorKind::TokenIds || t.kind == TensorKind::Selection) {
        whole[i].assign(size, 0);
      } else {
        data[i].assign(size, Scalar(0));
        gradient[i].assign(size, Scalar(0));
      }
    }
  }
  const Program& program;
  std::vector<std::vector<Scalar>> data;          ///< per tensor, row-major
  std::vector<std::vector<Scalar>> gradient;      ///< of the loss, accumulated by the backward pass
  std::vector<std::vector<std::int64_t>> whole;   ///< token ids, positions, chosen experts

  std::vector<Scalar>& of(int tensor) { return data[static_cast<std::size_t>(tensor)]; }  ///< Contents of a tensor.
  std::vector<Scalar>& grad(int tensor) { return gradient[static_cast<std::size_t>(tensor)]; }  ///< Its gradient.
  /// Its whole numbers: token ids, chosen experts.
  std::vector<std::int64_t>& ints(int tensor) { return whole[static_cast<std::size_t>(tensor)]; }
  /// Width of its rows.
  std::int64_t width(int tensor) const { return program.tensors[static_cast<std::size_t>(tensor)].shape.back(); }
};

inline std::size_t at(std::int64_t row, std::int64_t width, std::int64_t column) {  ///< Place in a row-major matrix.
  return static_cast<std::size_t>(row * width + column);
}

/// A row of new tokens: where its sequence starts in new and cached rows, and its position.
struct RowPlace {
  std::int64_t first_cached_row;  ///< of its sequence in a cache (or key) tensor
  std::int64_t position;          ///< 0-based in the sequence
  std::int64_t length;            ///< tokens of the sequence, cached and new
};

/// Sequence and position of every row.
inline std::vector<RowPlace> row_places(const std::vector<Segment>& segments) {
  std::vector<RowPlace> places;
  std::int64_t cached = 0;
  for (const Segment& s : segments)
    for (std::int64_t b = 0; b < s.sequences; ++b) {
      for (std::int64_t i = 0; i < s.new_tokens; ++i)
        places.push_back({cached, s.context + i, s.context + s.new_tokens});
      cached += s.context + s.new_tokens;
    }
  return places;
}

/// Whether the query at `position` sees the key at `key` of its sequence.
inline bool sees(const AttentionCore& core, std::int64_t position, std::int64_t key) {
  if (!core.causal) return true;
  if (key > position) return false;
  if (core.chunk > 0 && key < position / core.chunk * core.chunk) return false;
  return core.window <= 0 || key > position - core.window || key < core.sink_tokens;
}

/// The (token, slot) pairs in expert order, ties in token order: sorted row r holds pair order[r] = token * k + slot.
inline std::vector<std::int64_t> expert_order(const std::vector<std::int64_t>& chosen) {
  std::vector<std::int64_t> order(chosen.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return chosen[static_cast<std::size_t>(a)] < chosen[static_cast<std::size_t>(b)];
  });
  return order;
}

/// Rotation angle of pair `i` of `rotated` dimensions; base 10000 (arXiv:2104.09864).
inline double rotary_angle(std::int64_t position, std::int64_t i, std::int64_t rotated) {
  return static_cast<double>(position) *
         std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(rotated));
}

/// Slope of head j of h (arXiv:2108.12409), for powers of two of h and, by the same formula, for the rest.
inline double alibi_slope(std::int64_t head, std::int64_t heads) {
  return std::exp2(-8.0 * static_cast<double>(head + 1) / static_cast<double>(heads));
}

/// Column of key dimension c of a head in its key tensor, and the tensor: heads' own part, then the shared tail.
struct KeyLayout {
  std::int64_t own;          ///< key dimensions of the head itself
  std::int64_t shared_from;  ///< first column of the shared tail in its tensor
};

/// Where keys and values of an attention core stand.
template <typename Scalar>
KeyLayout key_layout(const Values<Scalar>& values, const Op& op, const AttentionCore& core) {
  const std::int64_t shared = core.shared_key_dim;
  return {core.key_dim - shared, shared > 0 ? values.width(op.inputs[3]) - shared : 0};
}

}  // namespace isoflop::naive
