#include <cmath>

#include "isoflop/error.h"
#include "isoflop/sim/kernel/cpu_peak.h"
#include "isoflop/sim/kernel/execution_passes.h"
#include "isoflop/sim/kernel/linear.h"
#include "isoflop/sim/kernel/vector_loops.h"

namespace isoflop::sim {

std::vector<SequenceRows> sequences_of(const Execution::State& state) {
  std::vector<SequenceRows> result;
  std::size_t row = 0, cached = 0;
  for (const Segment& s : state.program.step.segments)
    for (std::int64_t b = 0; b < s.sequences; ++b) {
      const auto rows = static_cast<std::size_t>(s.new_tokens), room = static_cast<std::size_t>(s.context);
      result.push_back({row, rows, cached, state.context.value_or(room)});
      row += rows;
      cached += rows + room;
    }
  return result;
}

std::vector<std::size_t> positions_of(const Execution::State& state) {
  std::vector<std::size_t> result;
  for (const auto& s : sequences_of(state))
    for (std::size_t i = 0; i < s.rows; ++i) result.push_back(s.context + i);
  return result;
}

std::vector<std::size_t> wanted_rows(const Step& step) {
  std::vector<std::size_t> rows;
  std::size_t first = 0;
  for (const Segment& s : step.segments)
    for (std::int64_t b = 0; b < s.sequences; ++b, first += static_cast<std::size_t>(s.new_tokens))
      for (std::int64_t i = std::max<std::int64_t>(0, s.new_tokens - s.logit_positions); i < s.new_tokens; ++i)
        rows.push_back(first + static_cast<std::size_t>(i));
  return rows;
}

ScaleAndBias scale_and_bias(const Normalise& op) {
  return {op.style.scale ? 0 : -1, op.style.bias ? (op.style.scale ? 1 : 0) : -1};
}

Visibility visibility_of(const AttentionCore& op) {
  return {op.causal, static_cast<std::size_t>(op.window), static_cast<std::size_t>(op.sink_tokens),
          static_cast<std::size_t>(op.chunk)};
}

ScoreRule score_rule_of(const AttentionCore& op, std::size_t head) {
  ScoreRule rule{static_cast<float>(1 / std::sqrt(static_cast<double>(op.scale_dim)))};
  // Slopes 2^(-8 (h + 1) / heads).
  if (op.alibi)
    rule.alibi_slope =
        static_cast<float>(std::exp2(-8.0 * static_cast<double>(head + 1) / static_cast<double>(op.heads)));
  return rule;
}

HeadKeys keys_of_head(Execution::State& state, const Op& op, const AttentionCore& core, const SequenceRows& sequence,
                      std::size_t head, AttentionScratch& scratch) {
  const auto key = static_cast<std::size_t>(core.key_dim), value = static_cast<std::size_t>(core.value_dim),
             tail = static_cast<std::size_t>(core.shared_key_dim), own = key - tail;
  const std::size_t count = sequence.context + sequence.rows, first = sequence.first_cached,
                    group = head / static_cast<std::size_t>(core.heads / core.kv_heads);
  const View k = state.view(op.inputs[1]);
  const View keys{k.row(first) + group * own, count, own, k.stride};
  if (core.values_in_keys) return {keys, {keys.data, count, value, keys.stride}};
  const View v = state.view(op.inputs[2]);
  const View values{v.row(first) + group * value, count, value, v.stride};
  if (tail == 0) return {keys, values};
  const View end = state.view(op.inputs[3]);
  if (scratch.keys.size() < count * key) scratch.keys.resize(count * key);
  const View whole{scratch.keys.data(), count, key, key};
  for (std::size_t j = 0; j < count; ++j) {
    std::copy_n(keys.row(j), own, whole.row(j));
    std::copy_n(end.row(first + j) + end.width - tail, tail, whole.row(j) + own);
  }
  return {whole, values};
}

namespace {

constexpr float norm_epsilon = 1e-5f;

class Forward {
 public:
  explicit Forward(Execution::State& state) : s_(state) {}

  void run() {
    for (std::size_t i = 0; i < s_.program.ops.size(); ++i) {
      op_ = &s_.program.ops[i];
      op_index_ = i;
      timed(s_, &OpSeconds::forward, i, [&] { std::visit(*this, op_->detail); });
    }
  }

  void operator()(const Lookup& o) {
    const float* table = s_.weight(*op_, 0);
    const View y = out(0);
    const bool positions = op_->part == Part::Position;
    const auto places = positions ? positions_of(s_) : std::vector<std::size_t>();
    for (std::size_t r = 0; r < y.rows; ++r) {
      const std::int64_t id = positions ? static_cast<std::int64_t>(places[r]) : s_.ids[r];
      if (id < 0 || id >= o.table_rows)
        throw Error(Fault::BadInput, op_->name + ": token " + std::to_string(id) + " is outside the table");
      std::copy_n(table + static_cast<std::size_t>(id) * y.width, y.width, y.row(r));
    }
  }

  void operator()(const MatMul& o) {
    if (s_.streamed) {
      s_.streamed->multiply(s_.weight_index(*op_, 0), 0, in(0), o.bias ? s_.weight(*op_, 1) : nullptr,
                            s_.joint_view(*op_), *s_.crew);
      return;
    }
    const View x = in(0), y = s_.joint_view(*op_);
    const PackedMatrix& w = s_.packed->forward(s_.weight_index(*op_, 0));
    const float* bias = o.bias ? s_.weight(*op_, 1) : nullptr;
    // Whole tiles of rows for each thread.
    constexpr std::size_t tile = 14;
    shared((x.rows + tile - 1) / tile, [&](std::size_t first, std::size_t last, std::size_t share) {
      const std::size_t row = first * tile, rows = std::min(x.rows, last * tile) - row;
      linear({x.row(row), rows, x.width, x.stride}, w, bias, {y.row(row), rows, y.width, y.stride}, s_.own[share].pack);
    });
  }

  void operator()(const GroupedMatMul& o) {
    const View x = in(0), y = s_.joint_view(*op_);
    const ExpertOrder& order = s_.order[static_cast<std::size_t>(op_->inputs[1])];
    for (std::size_t e = 0; e < static_cast<std::size_t>(o.experts); ++e) {
      const std::size_t first = order.first[e], rows = order.first[e + 1] - first;
      if (rows == 0) continue;
      const float* bias = o.bias ? s_.weight(*op_, 1) + e * static_cast<std::size_t>(o.columns) : nullptr;
      if (s_.streamed) {
        s_.streamed->multiply(s_.weight_index(*op_, 0), e, {x.row(first), rows, x.width, x.stride}, bias,
                              {y.row(first), rows, y.width, y.stride}, *s_.crew);
        continue;
      }
      linear({x.row(first), rows, x.width, x.stride}, s_.packed->forward(s_.weight_index(*op_, 0), e), bias,
             {y.row(first), rows, y.width, y.stride}, s_.own[0].pack);
    }
  }

  void operator()(const Normalise& o) {
    const View x = in(0), y = out(0);
    const auto width = static_cast<std::size_t>(o.width), groups = static_cast<std::size_t>(o.groups);
    const auto [scale, bias] = scale_and_bias(o);
    auto& statistics = s_.norm_statistics[op_index_];
    statistics.resize(x.rows * groups * 2);
    const bool rms = o.style.kind == NormKind::RmsNorm;
    if (rms && bias >= 0)
      throw Error(Fault::BadInput, op_->name + ": the kernel does not execute an RMSNorm with bias");
    const float* all_scales = scale >= 0 ? s_.weight(*op_, static_cast<std::size_t>(scale)) : nullptr;
    const float* all_biases = bias >= 0 ? s_.weight(*op_, static_cast<std::size_t>(bias)) : nullptr;
    shared(x.rows, [&](std::size_t first, std::size_t last, std::size_t) {
      for (std::size_t i = first * groups; i < last * groups; ++i) {
        const std::size_t r = i / groups, at = i % groups * width, own = o.scales > o.width ? at : 0;
        const float* scales = all_scales ? all_scales + own : nullptr;
        if (rms) statistics[2 * i] = loops_.rms_norm(width, x.row(r) + at, scales, norm_epsilon, y.row(r) + at);
        else
          loops_.layer_norm(width, x.row(r) + at, scales, all_biases ? all_biases + own : nullptr, norm_epsilon,
                            y.row(r) + at, &statistics[2 * i]);
      }
    });
  }

  void operator()(const Rotate& o) {
    const auto positions = positions_of(s_);
    s_.prepare_rotation(o, 1 + *std::max_element(positions.begin(), positions.end()));
    for (std::size_t part = 0; part < op_->inputs.size(); ++part) rotate_heads(o, in(part), out(part), positions);
  }

  void operator()(const CacheWrite&) {
    // Keys to the first cache, values to the second, or side by side into one; each row at its sequence's place.
    const bool one_each = op_->outputs.size() == op_->inputs.size();
    std::size_t column = 0;
    for (std::size_t part = 0; part < op_->inputs.size(); ++part) {
      const View x = in(part), cache = out(one_each ? part : 0);
      for (const auto& sequence : sequences_of(s_))
        for (std::size_t i = 0; i < sequence.rows; ++i)
          std::copy_n(x.row(sequence.first_row + i), x.width,
                      cache.row(sequence.first_cached + sequence.context + i) + column);
      if (!one_each) column += x.width;
    }
  }

  void operator()(const AttentionCore& o) {
    const View q = in(0), y = out(0), lse = out(1);
    const Visibility visible = visibility_of(o);
    const auto key = static_cast<std::size_t>(o.key_dim), value = static_cast<std::size_t>(o.value_dim);
    const auto sequences = sequences_of(s_);
    const auto heads = static_cast<std::size_t>(o.heads);
    shared(sequences.size() * heads, [&](std::size_t first, std::size_t last, std::size_t share) {
      for (std::size_t task = first; task < last; ++task) {
        const SequenceRows& sequence = sequences[task / heads];
        const std::size_t h = task % heads;
        if (sequence.rows == 1 && (h == 0 || task == first))
          read_ahead(o, visible, sequence, h, std::min(heads, h + last - task));
        const HeadKeys head = keys_of_head(s_, *op_, o, sequence, h, s_.own[share].scratch);
        attention_head({q.row(sequence.first_row) + h * key, sequence.rows, key, q.stride}, head.keys, head.values,
                       sequence.context, visible, score_rule_of(o, h),
                       o.learned_sinks ? s_.weight(*op_, 0) + h : nullptr,
                       {y.row(sequence.first_row) + h * value, sequence.rows, value, y.stride},
                       lse.row(sequence.first_row) + h, lse.stride, s_.precision, s_.own[share].scratch);
      }
    });
  }

  // A single query reads keys and values of a head in pieces so short that the processor does not run ahead of them.
  // Read once row by row, all heads of a thread together, they come as a stream and are in its cache then; not more of
  // them than a second-level cache keeps.
  void read_ahead(const AttentionCore& o, const Visibility& visible, const SequenceRows& sequence,
                  std::size_t first_head, std::size_t last_head) {
    constexpr std::size_t most_bytes = 256 * 1024, read_bytes = 512;
    const auto per_group = static_cast<std::size_t>(o.heads / o.kv_heads);
    const std::size_t first_group = first_head / per_group, groups = (last_head - 1) / per_group + 1 - first_group;
    const auto key = static_cast<std::size_t>(o.key_dim - o.shared_key_dim);
    const auto value = static_cast<std::size_t>(o.value_dim);
    const std::size_t first = visible.first(sequence.context), rows = sequence.context + 1 - first;
    if (rows * groups * (key + value) * sizeof(float) > most_bytes) return;
    for (std::size_t input = 1; input <= (o.values_in_keys ? 1 : 2); ++input) {
      const View cached = in(input);
      const std::size_t width = input == 1 ? key : value;
      for (std::size_t j = 0; j < rows; ++j)
        read_once(cached.row(sequence.first_cached + first + j) + first_group * width,
                  groups * width * sizeof(float) / read_bytes * read_bytes);
    }
  }

  void operator()(const Activate& o) {
    const View a = in(0), y = out(0);
    shared(y.rows, [&](std::size_t first, std::size_t last, std::size_t) { activate(o, a, y, first, last); });
  }

  void activate(const Activate& o, View a, View y, std::size_t first, std::size_t last) {
    for (std::size_t r = first; r < last; ++r) {
      const float* x = a.row(r);
      const float* up = o.gated ? in(1).row(r) : nullptr;
      switch (o.activation) {
        case Activation::Silu:
          if (o.gated) loops_.silu_gate(y.width, x, up, y.row(r));
          else loops_.silu(y.width, x, y.row(r));
          break;
        case Activation::Gelu:
          if (o.gated) loops_.gelu_gate(y.width, x, up, y.row(r));
          else loops_.gelu(y.width, x, y.row(r));
          break;
        case Activation::Relu:
        case Activation::SquaredRelu:
          for (std::size_t c = 0; c < y.width; ++c) {
            const float positive = x[c] > 0 ? x[c] : 0;
            y.row(r)[c] = (o.activation == Activation::Relu ? positive : positive * positive) * (up ? up[c] : 1);
          }
          break;
        case Activation::Xielu: throw Error(Fault::BadInput, op_->name + ": the kernel does not execute xIELU");
      }
    }
  }

  void operator()(const Add&) {
    const View y = out(0);
    for (std::size_t r = 0; r < y.rows; ++r) {
      loops_.add(y.width, in(0).row(r), in(1).row(r), y.row(r));
      for (std::size_t part = 2; part < op_->inputs.size(); ++part)
        loops_.accumulate(y.width, in(part).row(r), y.row(r));
    }
  }

  void operator()(const GateScale&) {
    const View x = in(0), gate = in(1), y = out(0);
    for (std::size_t r = 0; r < y.rows; ++r) {
      std::copy_n(x.row(r), y.width, y.row(r));
      loops_.scale(y.width, 1 / (1 + std::exp(-gate.row(r)[0])), y.row(r));
    }
  }

  void operator()(const Route& o) {
    auto& choice = s_.whole[static_cast<std::size_t>(op_->outputs[1])];
    route(in(0), o, o.selection_bias ? s_.weight(*op_, 0) : nullptr, out(0), choice.data());
    s_.order[static_cast<std::size_t>(op_->outputs[1])] =
        expert_order(choice.data(), choice.size(), static_cast<std::size_t>(o.experts));
  }

  void operator()(const Dispatch& o) {
    dispatch_copy(in(0), s_.order[static_cast<std::size_t>(op_->inputs[1])], static_cast<std::size_t>(o.per_token),
                  out(0));
  }

  void operator()(const Combine& o) {
    combine(in(0), s_.order[static_cast<std::size_t>(op_->inputs[2])], in(1), o.bias ? s_.weight(*op_, 0) : nullptr,
            out(0));
  }

  void operator()(const SelectRows&) {
    const auto rows = wanted_rows(s_.program.step);
    for (std::size_t r = 0; r < rows.size(); ++r) std::copy_n(in(0).row(rows[r]), out(0).width, out(0).row(r));
  }

  void operator()(const CrossEntropy&) {
    // The logits become shares in place; the backward pass needs nothing else.
    const View logits = in(0);
    double total = 0;
    for (std::size_t r = 0; r < logits.rows; ++r) {
      float* row = logits.row(r);
      const auto target = static_cast<std::size_t>(s_.targets[r]);
      const float top = loops_.maximum(logits.width, row), wanted = row[target];
      const float sum = loops_.exponentials(logits.width, 1, top, row);
      loops_.scale(logits.width, 1 / sum, row);
      total += static_cast<double>(top) + std::log(static_cast<double>(sum)) - static_cast<double>(wanted);
    }
    s_.loss = total / static_cast<double>(logits.rows);
  }

  // The absorbed latent projections of a few rows: each head reads its block of w once.
  void operator()(const HeadMatMul& o) {
    const View x = in(0), y = out(0);
    const float* w = s_.weight(*op_, 0);
    const auto heads = static_cast<std::size_t>(o.heads), columns = static_cast<std::size_t>(o.columns),
               inner = static_cast<std::size_t>(o.inner), first_row = static_cast<std::size_t>(o.first_row);
    const std::size_t in_head = x.width / heads, out_head = y.width / heads;
    shared(heads, [&](std::size_t first, std::size_t last, std::size_t) {
      for (std::size_t h = first; h < last; ++h)
        for (std::size_t r = 0; r < x.rows; ++r) {
          const float* from = x.row(r) + h * in_head;
          float* to = y.row(r) + h * out_head;
          if (o.transposed) {
            std::fill_n(to, columns, 0.0f);
            loops_.weighted_sum(inner, columns, from, w + (first_row + h * inner) * columns, columns, to);
          } else {
            loops_.dots(columns, inner, from, w + (first_row + h * columns) * inner, inner, to);
          }
          std::copy_n(from + inner, out_head - columns, to + columns);
        }
    });
  }

  void operator()(const Concatenate&) { refuse(); }

 private:
  // Calls work(first, last, share) on parts of [0, count): over the crew where the execution has one.
  template <typename Work>
  void shared(std::size_t count, const Work& work) {
    const std::size_t shares = s_.crew ? s_.crew->size() : 1;
    if (shares == 1 || count < shares) return work(0, count, 0);
    s_.crew->run([&](std::size_t share) { work(count * share / shares, count * (share + 1) / shares, share); });
  }

  [[noreturn]] void refuse() {
    throw Error(Fault::BadInput, op_->name + ": the kernel does not execute this operation");
  }
  View in(std::size_t i) { return s_.view(op_->inputs[i]); }
  View out(std::size_t i) { return s_.view(op_->outputs[i]); }

  void rotate_heads(const Rotate& o, View x, View y, const std::vector<std::size_t>& positions) {
    const auto head = static_cast<std::size_t>(o.head_dim), rotated = static_cast<std::size_t>(o.rotated),
               half = rotated / 2;
    const std::size_t first = o.tail ? head - rotated : 0;
    for (std::size_t r = 0; r < x.rows; ++r)
      for (std::size_t h = 0; h < x.width; h += head) {
        if (rotated < head) std::copy_n(x.row(r) + h, head, y.row(r) + h);
        loops_.rotate(half, s_.cosines.data() + positions[r] * half, s_.sines.data() + positions[r] * half, 1,
                      x.row(r) + h + first, y.row(r) + h + first, false);
      }
  }

  Execution::State& s_;
  const VectorLoops& loops_ = vector_loops();
  const Op* op_ = nullptr;
  std::size_t op_index_ = 0;
};

}  // namespace

void run_forward(Execution::State& state) { Forward(state).run(); }

}  // namespace isoflop::sim
