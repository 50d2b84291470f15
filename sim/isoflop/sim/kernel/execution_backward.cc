#include <cmath>

#include "isoflop/error.h"
#include "isoflop/sim/kernel/execution_passes.h"
#include "isoflop/sim/kernel/linear.h"
#include "isoflop/sim/kernel/vector_loops.h"

namespace isoflop::sim {
namespace {

class Backward {
 public:
  Backward(Execution::State& state, float loss_factor, bool first)
      : s_(state), loss_factor_(loss_factor), first_(first) {}

  void run() {
    for (std::size_t i = s_.program.ops.size(); i-- > 0;) {
      op_ = &s_.program.ops[i];
      op_index_ = i;
      timed(s_, &OpSeconds::backward, i, [&] { std::visit(*this, op_->detail); });
      s_.release_gradients(*op_);
    }
  }

  void operator()(const CrossEntropy&) {
    const View shares = in(0), dlogits = s_.gradient_view(op_->inputs[0], true);
    const float factor = loss_factor_ / static_cast<float>(shares.rows);
    for (std::size_t r = 0; r < shares.rows; ++r) {
      std::copy_n(shares.row(r), shares.width, dlogits.row(r));
      loops_.scale(shares.width, factor, dlogits.row(r));
      dlogits.row(r)[s_.targets[r]] -= factor;
    }
  }

  void operator()(const Lookup&) {
    float* table = s_.weight_gradient(*op_, 0);
    const View dy = dout(0);
    const bool positions = op_->part == Part::Position;
    const auto places = positions ? positions_of(s_) : std::vector<std::size_t>();
    for (std::size_t r = 0; r < dy.rows; ++r)
      loops_.accumulate(dy.width, dy.row(r),
                        table + (positions ? places[r] : static_cast<std::size_t>(s_.ids[r])) * dy.width);
  }

  void operator()(const MatMul& o) {
    const View x = in(0), dy = s_.joint_gradient(*op_);
    const bool overwrites = first_ && s_.of_one_product[s_.weight_index(*op_, 0)];
    timed(s_, &OpSeconds::weight_gradient, op_index_, [&] {
      linear_weight_gradient(x, dy, static_cast<std::size_t>(o.inner), s_.weight_gradient(*op_, 0), !overwrites,
                             o.bias ? s_.weight_gradient(*op_, 1) : nullptr, s_.precision, s_.own[0].pack);
    });
    const bool accumulate = s_.has_gradient(op_->inputs[0]);
    linear_input_gradient(dy, s_.packed->backward(s_.weight_index(*op_, 0)), s_.gradient_view(op_->inputs[0], true),
                          accumulate, s_.own[0].pack);
  }

  void operator()(const GroupedMatMul& o) {
    const View x = in(0), dy = s_.joint_gradient(*op_);
    const bool accumulate = s_.has_gradient(op_->inputs[0]);
    const View dx = s_.gradient_view(op_->inputs[0], true);
    const ExpertOrder& order = s_.order[static_cast<std::size_t>(op_->inputs[1])];
    const auto columns = static_cast<std::size_t>(o.columns), inner = static_cast<std::size_t>(o.inner);
    for (std::size_t e = 0; e < static_cast<std::size_t>(o.experts); ++e) {
      const std::size_t first = order.first[e], rows = order.first[e + 1] - first;
      if (rows == 0) continue;
      const View own_dy{dy.row(first), rows, dy.width, dy.stride};
      timed(s_, &OpSeconds::weight_gradient, op_index_, [&] {
        linear_weight_gradient(
            {x.row(first), rows, x.width, x.stride}, own_dy, inner, s_.weight_gradient(*op_, 0) + e * columns * inner,
            true, o.bias ? s_.weight_gradient(*op_, 1) + e * columns : nullptr, s_.precision, s_.own[0].pack);
      });
      linear_input_gradient(own_dy, s_.packed->backward(s_.weight_index(*op_, 0), e),
                            {dx.row(first), rows, dx.width, dx.stride}, accumulate, s_.own[0].pack);
    }
  }

  void operator()(const Normalise& o) {
    const View x = in(0), dy = dout(0), dx = din(0);
    const auto width = static_cast<std::size_t>(o.width), groups = static_cast<std::size_t>(o.groups);
    const auto [scale, bias] = scale_and_bias(o);
    for (std::size_t r = 0; r < x.rows; ++r)
      for (std::size_t g = 0; g < groups; ++g) {
        const std::size_t own = o.scales > o.width ? g * width : 0, at = g * width;
        const float* scales = scale >= 0 ? s_.weight(*op_, static_cast<std::size_t>(scale)) + own : nullptr;
        float* dscales = scale >= 0 ? s_.weight_gradient(*op_, static_cast<std::size_t>(scale)) + own : nullptr;
        float* dbias = bias >= 0 ? s_.weight_gradient(*op_, static_cast<std::size_t>(bias)) + own : nullptr;
        const float* kept = s_.norm_statistics[op_index_].data() + (r * groups + g) * 2;
        if (o.style.kind == NormKind::RmsNorm)
          loops_.rms_norm_backward(width, x.row(r) + at, scales, dy.row(r) + at, kept[0], dx.row(r) + at, dscales);
        else
          loops_.layer_norm_backward(width, x.row(r) + at, scales, dy.row(r) + at, kept, dx.row(r) + at, dscales,
                                     dbias);
      }
  }

  void operator()(const Rotate& o) {
    const auto positions = positions_of(s_);
    s_.prepare_rotation(o, 1 + *std::max_element(positions.begin(), positions.end()));
    const auto head = static_cast<std::size_t>(o.head_dim), rotated = static_cast<std::size_t>(o.rotated),
               half = rotated / 2;
    const std::size_t first = o.tail ? head - rotated : 0;
    for (std::size_t part = 0; part < op_->inputs.size(); ++part) {
      const View dy = dout(part), dx = din(part);
      for (std::size_t r = 0; r < dy.rows; ++r)
        for (std::size_t h = 0; h < dy.width; h += head) {
          loops_.rotate(half, s_.cosines.data() + positions[r] * half, s_.sines.data() + positions[r] * half, -1,
                        dy.row(r) + h + first, dx.row(r) + h + first, true);
          for (std::size_t c = 0; c < head; ++c)
            if (c < first || c >= first + rotated) dx.row(r)[h + c] += dy.row(r)[h + c];
        }
    }
  }

  void operator()(const AttentionCore& o) {
    const View q = in(0), y = s_.view(op_->outputs[0]), lse = s_.view(op_->outputs[1]), dy = dout(0);
    const View dq = din(0), dk = din(1), dv = din(2), dtail = o.shared_key_dim > 0 ? din(3) : View{};
    const Visibility visible = visibility_of(o);
    const auto key = static_cast<std::size_t>(o.key_dim), value = static_cast<std::size_t>(o.value_dim),
               tail = static_cast<std::size_t>(o.shared_key_dim), own = key - tail;
    AttentionScratch& scratch = s_.own[0].scratch;
    const auto part = [](View all, std::size_t row, std::size_t rows, std::size_t column, std::size_t width) {
      return View{all.row(row) + column, rows, width, all.stride};
    };
    for (const auto& s : sequences_of(s_))
      for (std::size_t h = 0; h < static_cast<std::size_t>(o.heads); ++h) {
        const std::size_t g = h / static_cast<std::size_t>(o.heads / o.kv_heads), r = s.first_row, n = s.rows;
        const HeadKeys head = keys_of_head(s_, *op_, o, s, h, scratch);
        View dkeys = part(dk, r, n, g * own, own);
        if (tail > 0) {
          scratch.dkeys.assign(n * key, 0.0f);
          dkeys = {scratch.dkeys.data(), n, key, key};
        }
        attention_head_backward(part(q, r, n, h * key, key), head.keys, head.values, part(y, r, n, h * value, value),
                                lse.row(r) + h, lse.stride, part(dy, r, n, h * value, value), 0, visible,
                                score_rule_of(o, h), o.learned_sinks ? s_.weight(*op_, 0) + h : nullptr,
                                part(dq, r, n, h * key, key), dkeys, part(dv, r, n, g * value, value),
                                o.learned_sinks ? s_.weight_gradient(*op_, 0) + h : nullptr, s_.precision, scratch);
        if (tail == 0) continue;
        for (std::size_t j = 0; j < n; ++j) {
          loops_.accumulate(own, dkeys.row(j), dk.row(r + j) + g * own);
          loops_.accumulate(tail, dkeys.row(j) + own, dtail.row(r + j) + dtail.width - tail);
        }
      }
  }

  void operator()(const Activate& o) {
    const View x = in(0), dy = dout(0), dx = din(0);
    const View up = o.gated ? in(1) : View{}, dup = o.gated ? din(1) : View{};
    for (std::size_t r = 0; r < dy.rows; ++r) {
      const std::size_t n = dy.width;
      if (o.activation == Activation::Silu && o.gated)
        loops_.silu_gate_backward(n, x.row(r), up.row(r), dy.row(r), dx.row(r), dup.row(r));
      else if (o.activation == Activation::Silu) loops_.silu_backward(n, x.row(r), dy.row(r), dx.row(r));
      else if (o.activation == Activation::Gelu && o.gated)
        loops_.gelu_gate_backward(n, x.row(r), up.row(r), dy.row(r), dx.row(r), dup.row(r));
      else if (o.activation == Activation::Gelu) loops_.gelu_backward(n, x.row(r), dy.row(r), dx.row(r));
      else
        for (std::size_t c = 0; c < n; ++c) {
          const float a = x.row(r)[c] > 0 ? x.row(r)[c] : 0, d = dy.row(r)[c];
          const bool squared = o.activation == Activation::SquaredRelu;
          const float value = squared ? a * a : a, slope = squared ? 2 * a : (x.row(r)[c] > 0 ? 1.0f : 0.0f);
          dx.row(r)[c] += d * slope * (o.gated ? up.row(r)[c] : 1);
          if (o.gated) dup.row(r)[c] += d * value;
        }
    }
  }

  void operator()(const Add&) {
    const View dy = dout(0);
    for (int t : op_->inputs) {
      const bool has = s_.has_gradient(t);
      const View dx = s_.gradient_view(t, true);
      for (std::size_t r = 0; r < dy.rows; ++r) {
        if (has) loops_.accumulate(dy.width, dy.row(r), dx.row(r));
        else std::copy_n(dy.row(r), dy.width, dx.row(r));
      }
    }
  }

  void operator()(const GateScale&) {
    const View x = in(0), gate = in(1), dy = dout(0), dx = din(0), dgate = din(1);
    for (std::size_t r = 0; r < dy.rows; ++r) {
      const float open = 1 / (1 + std::exp(-gate.row(r)[0]));
      loops_.axpy(dy.width, open, dy.row(r), dx.row(r));
      dgate.row(r)[0] += loops_.dot(dy.width, dy.row(r), x.row(r)) * open * (1 - open);
    }
  }

  void operator()(const Route& o) {
    route_backward(in(0), o, s_.view(op_->outputs[0]), s_.whole[static_cast<std::size_t>(op_->outputs[1])].data(),
                   dout(0), din(0));
  }

  void operator()(const Dispatch& o) {
    dispatch_copy_backward(dout(0), s_.order[static_cast<std::size_t>(op_->inputs[1])],
                           static_cast<std::size_t>(o.per_token), din(0));
  }

  void operator()(const Combine& o) {
    combine_backward(in(0), s_.order[static_cast<std::size_t>(op_->inputs[2])], in(1), dout(0), din(0), din(1),
                     o.bias ? s_.weight_gradient(*op_, 0) : nullptr);
  }

  void operator()(const SelectRows&) { refuse(); }
  void operator()(const CacheWrite&) { refuse(); }
  void operator()(const HeadMatMul&) { refuse(); }
  void operator()(const Concatenate&) { refuse(); }

 private:
  [[noreturn]] void refuse() { throw Error(Fault::BadInput, op_->name + ": has no backward pass in the kernel"); }
  View in(std::size_t i) { return s_.view(op_->inputs[i]); }
  View din(std::size_t i) { return s_.gradient_view(op_->inputs[i]); }
  View dout(std::size_t i) { return s_.gradient_view(op_->outputs[i]); }

  Execution::State& s_;
  float loss_factor_;
  bool first_;
  const VectorLoops& loops_ = vector_loops();
  const Op* op_ = nullptr;
  std::size_t op_index_ = 0;
};

}  // namespace

void run_backward(Execution::State& state, float loss_factor, bool first) {
  Backward(state, loss_factor, first).run();
}

}  // namespace isoflop::sim
