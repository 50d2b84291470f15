#include "isoflop/sim/kernel/attention.h"

#include <bit>
#include <cmath>

#include "isoflop/sim/kernel/vector_loops.h"

namespace isoflop::sim {
namespace {

constexpr std::size_t block_rows = 56;  // four panels of fourteen rows

float* room(std::vector<float>& buffer, std::size_t count) {
  if (buffer.size() < count) buffer.resize(count);
  return buffer.data();
}

// Keys that any query of a block needs: [low, high), low a multiple of 16 so that rows stay aligned.
struct KeyRange {
  std::size_t low, high;
};

KeyRange keys_of_block(const Visibility& visible, std::size_t first_position, std::size_t last_position,
                       std::size_t keys) {
  const std::size_t low = visible.sink_tokens > 0 ? 0 : visible.first(first_position);
  return {low, visible.last(last_position, keys) + 1};
}

// The visible parts of a row of scores, as offsets into it: sinks, then the rest.
struct Parts {
  std::size_t sink_end, begin, end;
};

Parts parts_of_row(const Visibility& visible, std::size_t position, KeyRange range, std::size_t keys) {
  const std::size_t first = visible.first(position);
  const std::size_t sink_end = std::min(visible.sink_tokens, first);
  return {sink_end > range.low ? sink_end - range.low : 0, first - range.low,
          visible.last(position, keys) + 1 - range.low};
}

// Adds what ALiBi adds to a row of scores that are not scaled yet.
void add_slope(float* row, const ScoreRule& rule, std::size_t position, KeyRange range, std::size_t keys,
               std::vector<float>& ramp) {
  if (rule.alibi_slope == 0) return;
  // ramp[i] = i - middle; made for a power of two of keys, so that decoding seldom makes it again.
  const std::size_t middle = std::bit_ceil(keys);
  if (ramp.size() != 2 * middle) {
    ramp.resize(2 * middle);
    for (std::size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<float>(i) - static_cast<float>(middle);
  }
  vector_loops().axpy(range.high - range.low, rule.alibi_slope / rule.scale,
                      ramp.data() + (middle + range.low - position), row);
}

void clear_hidden(float* row, Parts parts, std::size_t width) {
  std::fill(row + parts.sink_end, row + parts.begin, 0.0f);
  std::fill(row + parts.end, row + width, 0.0f);
}

View rows_from(View v, std::size_t first, std::size_t count) { return {v.row(first), count, v.width, v.stride}; }

// Scores of a block: q (rows, e) times transposed keys of the range.
void block_scores(View q, View k, KeyRange range, float* scores, Precision precision, PackBuffers& buffers) {
  const std::size_t width = range.high - range.low;
  matrix_product(q.rows, width, q.width, MatrixView::row_major(q.data, q.stride),
                 MatrixView::transposed(k.row(range.low), k.stride), scores, width, false, precision, buffers);
}

}  // namespace

std::size_t Visibility::first(std::size_t position) const {
  if (!causal) return 0;
  std::size_t low = 0;
  if (window > 0 && position + 1 > window) low = position + 1 - window;
  if (chunk > 0) low = std::max(low, position / chunk * chunk);
  return low;
}

std::size_t Visibility::last(std::size_t position, std::size_t keys) const { return causal ? position : keys - 1; }

namespace {

// A single query: nothing to pack for; keys and values are read once, front to back.
void attend_one(View q, View k, View v, std::size_t context, const Visibility& visible, const ScoreRule& rule,
                const float* sink, View out, float* lse, AttentionScratch& scratch) {
  const VectorLoops& loops = vector_loops();
  const KeyRange range = keys_of_block(visible, context, context, k.rows);
  const Parts parts = parts_of_row(visible, context, range, k.rows);
  float* row = room(scratch.scores, range.high - range.low);
  const std::size_t seen = parts.end - parts.begin;
  const float *keys = k.row(range.low), *values = v.row(range.low);
  loops.dots(parts.sink_end, q.width, q.data, keys, k.stride, row);
  loops.dots(seen, q.width, q.data, keys + parts.begin * k.stride, k.stride, row + parts.begin);
  if (rule.alibi_slope != 0) std::fill(row + parts.sink_end, row + parts.begin, 0.0f);
  add_slope(row, rule, context, range, k.rows, scratch.ramp);
  const float scale = rule.scale;
  float top = loops.maximum(seen, row + parts.begin) * scale;
  if (parts.sink_end > 0) top = std::max(top, loops.maximum(parts.sink_end, row) * scale);
  if (sink) top = std::max(top, *sink);
  float total = loops.exponentials(seen, scale, top, row + parts.begin);
  if (parts.sink_end > 0) total += loops.exponentials(parts.sink_end, scale, top, row);
  if (sink) total += std::exp(*sink - top);
  *lse = top + std::log(total);
  std::fill_n(out.data, out.width, 0.0f);
  loops.weighted_sum(parts.sink_end, out.width, row, values, v.stride, out.data);
  loops.weighted_sum(seen, out.width, row + parts.begin, values + parts.begin * v.stride, v.stride, out.data);
  loops.scale(out.width, 1 / total, out.data);
}

}  // namespace

void attention_head(View q, View k, View v, std::size_t context, const Visibility& visible, const ScoreRule& rule,
                    const float* sink, View out, float* lse, std::size_t lse_stride, Precision precision,
                    AttentionScratch& scratch) {
  if (q.rows == 1) return attend_one(q, k, v, context, visible, rule, sink, out, lse, scratch);
  const VectorLoops& loops = vector_loops();
  const float scale = rule.scale;
  for (std::size_t first = 0; first < q.rows; first += block_rows) {
    const std::size_t rows = std::min(block_rows, q.rows - first);
    const KeyRange range = keys_of_block(visible, context + first, context + first + rows - 1, k.rows);
    const std::size_t width = range.high - range.low;
    float* scores = room(scratch.scores, rows * width);
    block_scores(rows_from(q, first, rows), k, range, scores, precision, scratch.buffers);
    float inverse[block_rows];
    for (std::size_t i = 0; i < rows; ++i) {
      float* row = scores + i * width;
      const Parts parts = parts_of_row(visible, context + first + i, range, k.rows);
      add_slope(row, rule, context + first + i, range, k.rows, scratch.ramp);
      float top = loops.maximum(parts.end - parts.begin, row + parts.begin) * scale;
      if (parts.sink_end > 0) top = std::max(top, loops.maximum(parts.sink_end, row) * scale);
      if (sink) top = std::max(top, *sink);
      float total = loops.exponentials(parts.end - parts.begin, scale, top, row + parts.begin);
      if (parts.sink_end > 0) total += loops.exponentials(parts.sink_end, scale, top, row);
      if (sink) total += std::exp(*sink - top);
      clear_hidden(row, parts, width);
      lse[(first + i) * lse_stride] = top + std::log(total);
      inverse[i] = 1 / total;
    }
    matrix_product(rows, v.width, width, MatrixView::row_major(scores, width),
                   MatrixView::row_major(v.row(range.low), v.stride), out.row(first), out.stride, false, precision,
                   scratch.buffers);
    for (std::size_t i = 0; i < rows; ++i) loops.scale(out.width, inverse[i], out.row(first + i));
  }
}

void attention_head_backward(View q, View k, View v, View out, const float* lse, std::size_t lse_stride, View dout,
                             std::size_t context, const Visibility& visible, const ScoreRule& rule, const float* sink,
                             View dq, View dk, View dv, float* dsink, Precision precision, AttentionScratch& scratch) {
  const VectorLoops& loops = vector_loops();
  const float scale = rule.scale;
  for (std::size_t first = 0; first < q.rows; first += block_rows) {
    const std::size_t rows = std::min(block_rows, q.rows - first);
    const KeyRange range = keys_of_block(visible, context + first, context + first + rows - 1, k.rows);
    const std::size_t width = range.high - range.low;
    float* shares = room(scratch.scores, rows * width);
    float* dshares = room(scratch.shares, rows * width);
    const View q_block = rows_from(q, first, rows), dout_block = rows_from(dout, first, rows);
    block_scores(q_block, k, range, shares, precision, scratch.buffers);
    for (std::size_t i = 0; i < rows; ++i) {
      float* row = shares + i * width;
      const Parts parts = parts_of_row(visible, context + first + i, range, k.rows);
      add_slope(row, rule, context + first + i, range, k.rows, scratch.ramp);
      const float level = lse[(first + i) * lse_stride];
      loops.exponentials(parts.end - parts.begin, scale, level, row + parts.begin);
      if (parts.sink_end > 0) loops.exponentials(parts.sink_end, scale, level, row);
      clear_hidden(row, parts, width);
    }
    // dv += shares^T dout
    matrix_product(width, v.width, rows, MatrixView::transposed(shares, width),
                   MatrixView::row_major(dout_block.data, dout_block.stride), dv.row(range.low), dv.stride, true,
                   precision, scratch.buffers);
    // dshares = dout v^T, then shares become score gradients
    matrix_product(rows, width, v.width, MatrixView::row_major(dout_block.data, dout_block.stride),
                   MatrixView::transposed(v.row(range.low), v.stride), dshares, width, false, precision,
                   scratch.buffers);
    for (std::size_t i = 0; i < rows; ++i) {
      const float mixed = loops.dot(out.width, dout.row(first + i), out.row(first + i));
      if (sink && dsink) *dsink -= std::exp(*sink - lse[(first + i) * lse_stride]) * mixed;
      loops.softmax_backward(width, dshares + i * width, mixed, scale, shares + i * width);
    }
    matrix_product(rows, q.width, width, MatrixView::row_major(shares, width),
                   MatrixView::row_major(k.row(range.low), k.stride), dq.row(first), dq.stride, true, precision,
                   scratch.buffers);
    matrix_product(width, q.width, rows, MatrixView::transposed(shares, width),
                   MatrixView::row_major(q_block.data, q_block.stride), dk.row(range.low), dk.stride, true, precision,
                   scratch.buffers);
  }
}

}  // namespace isoflop::sim
