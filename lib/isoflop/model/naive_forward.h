// The forward pass of a program, one obvious loop per operation. See naive_values.h.
#pragma once
#include <functional>
#include <limits>

#include "isoflop/model/naive_values.h"

namespace isoflop::naive {

inline constexpr double norm_epsilon = 1e-5;

template <typename Scalar>
class Forward {  ///< One operation after the other.
 public:
  /// `after` is called with each operation when it is done, so that a caller can read a counter.
  static void run(Values<Scalar>& values, const std::function<void(const Op&)>& after = {}) {
    Forward pass(values);
    for (const Op& op : values.program.ops) {
      pass.op_ = &op;
      std::visit(pass, op.detail);
      if (after) after(op);
    }
  }

  void operator()(const Lookup& o) {
    for (std::int64_t r = 0; r < o.rows; ++r)
      for (std::int64_t c = 0; c < o.width; ++c)
        out(0)[at(r, o.width, c)] =
            weight(0)[at(values_.ints(op_->inputs[0])[static_cast<std::size_t>(r)], o.width, c)];
  }

  void operator()(const MatMul& o) {
    const std::int64_t stride = values_.width(op_->inputs[0]);
    for (std::int64_t r = 0; r < o.rows; ++r) {
      std::int64_t first = 0;
      for (std::size_t part = 0; part < op_->outputs.size(); ++part) {
        const std::int64_t width = values_.width(op_->outputs[part]);
        for (std::int64_t c = 0; c < width; ++c) {
          Scalar sum(0);
          for (std::int64_t k = 0; k < o.inner; ++k)
            sum = multiply_add(in(0)[at(r, stride, k)], weight(0)[at(first + c, o.inner, k)], sum);
          if (o.bias) sum = sum + weight(1)[static_cast<std::size_t>(first + c)];
          out(part)[at(r, width, c)] = sum;
        }
        first += width;
      }
    }
  }

  void operator()(const HeadMatMul& o) {
    const std::int64_t in_head = values_.width(op_->inputs[0]) / o.heads,
                       out_head = values_.width(op_->outputs[0]) / o.heads;
    for (std::int64_t r = 0; r < o.rows; ++r)
      for (std::int64_t h = 0; h < o.heads; ++h) {
        const std::int64_t x = h * in_head, y = h * out_head;
        for (std::int64_t c = 0; c < o.columns; ++c) {
          Scalar sum(0);
          for (std::int64_t k = 0; k < o.inner; ++k) {
            const std::size_t w = o.transposed ? at(o.first_row + h * o.inner + k, o.columns, c)
                                               : at(o.first_row + h * o.columns + c, o.inner, k);
            sum = multiply_add(in(0)[at(r, o.heads * in_head, x + k)], weight(0)[w], sum);
          }
          out(0)[at(r, o.heads * out_head, y + c)] = sum;
        }
        for (std::int64_t c = o.columns; c < out_head; ++c)
          out(0)[at(r, o.heads * out_head, y + c)] = in(0)[at(r, o.heads * in_head, x + o.inner + c - o.columns)];
      }
  }

  void operator()(const GroupedMatMul& o) {
    const auto& chosen = values_.ints(op_->inputs[1]);
    const auto order = expert_order(chosen);
    for (std::int64_t r = 0; r < o.rows; ++r) {
      const std::int64_t expert = chosen[static_cast<std::size_t>(order[static_cast<std::size_t>(r)])];
      std::int64_t first = expert * o.columns;
      for (std::size_t part = 0; part < op_->outputs.size(); ++part) {
        const std::int64_t width = values_.width(op_->outputs[part]);
        for (std::int64_t c = 0; c < width; ++c) {
          Scalar sum(0);
          for (std::int64_t k = 0; k < o.inner; ++k)
            sum = multiply_add(in(0)[at(r, o.inner, k)], weight(0)[at(first + c, o.inner, k)], sum);
          if (o.bias) sum = sum + weight(1)[static_cast<std::size_t>(first + c)];
          out(part)[at(r, width, c)] = sum;
        }
        first += width;
      }
    }
  }

  void operator()(const Normalise& o) {
    using std::sqrt;
    const std::int64_t stride = o.groups * o.width;
    const Scalar width(static_cast<double>(o.width)), epsilon(norm_epsilon), one(1);
    for (std::int64_t r = 0; r < o.rows; ++r)
      for (std::int64_t g = 0; g < o.groups; ++g) {
        const auto x = [&](std::int64_t c) -> const Scalar& { return in(0)[at(r, stride, g * o.width + c)]; };
        Scalar mean(0), square(0);
        if (o.style.kind == NormKind::LayerNorm) {
          for (std::int64_t c = 0; c < o.width; ++c) mean = mean + x(c);
          mean = mean / width;
        }
        for (std::int64_t c = 0; c < o.width; ++c) {
          const Scalar centred = o.style.kind == NormKind::LayerNorm ? x(c) - mean : x(c);
          square = square + centred * centred;
        }
        const Scalar inverse = one / sqrt(square / width + epsilon);
        const std::int64_t first_scale = o.scales > o.width ? g * o.width : 0;
        for (std::int64_t c = 0; c < o.width; ++c) {
          Scalar y = (o.style.kind == NormKind::LayerNorm ? x(c) - mean : x(c)) * inverse;
          if (o.style.scale) y = y * weight(0)[static_cast<std::size_t>(first_scale + c)];
          if (o.style.bias) y = y + weight(o.style.scale ? 1 : 0)[static_cast<std::size_t>(first_scale + c)];
          out(0)[at(r, stride, g * o.width + c)] = y;
        }
      }
  }

  void operator()(const Rotate& o) {
    const auto places = row_places(values_.program.step.segments);
    const std::int64_t first = o.tail ? o.head_dim - o.rotated : 0, half = o.rotated / 2;
    for (std::size_t part = 0; part < op_->inputs.size(); ++part) {
      const std::int64_t width = values_.width(op_->inputs[part]);
      for (std::int64_t r = 0; r < o.rows; ++r)
        for (std::int64_t h = 0; h < width; h += o.head_dim) {
          for (std::int64_t c = 0; c < o.head_dim; ++c) out(part)[at(r, width, h + c)] = in(part)[at(r, width, h + c)];
          for (std::int64_t i = 0; i < half; ++i) {
            const double angle = rotary_angle(places[static_cast<std::size_t>(r)].position, i, o.rotated);
            const Scalar cosine(std::cos(angle)), sine(std::sin(angle));
            const Scalar &a = in(part)[at(r, width, h + first + i)], &b = in(part)[at(r, width, h + first + half + i)];
            out(part)[at(r, width, h + first + i)] = a * cosine - b * sine;
            out(part)[at(r, width, h + first + half + i)] = a * sine + b * cosine;
          }
        }
    }
  }

  void operator()(const CacheWrite& o) {
    const auto places = row_places(values_.program.step.segments);
    for (std::int64_t r = 0; r < o.rows; ++r) {
      const std::int64_t row =
          places[static_cast<std::size_t>(r)].first_cached_row + places[static_cast<std::size_t>(r)].position;
      std::size_t target = 0;
      std::int64_t column = 0;
      // Inputs are written one after the other into the outputs, side by side where one output takes several.
      for (std::size_t part = 0; part < op_->inputs.size(); ++part) {
        const std::int64_t width = values_.width(op_->inputs[part]);
        if (column + width > values_.width(op_->outputs[target])) ++target, column = 0;
        for (std::int64_t c = 0; c < width; ++c)
          out(target)[at(row, values_.width(op_->outputs[target]), column + c)] = in(part)[at(r, width, c)];
        column += width;
      }
    }
  }

  void operator()(const AttentionCore& o) {
    using std::exp;
    using std::log;
    const auto places = row_places(o.segments);
    const KeyLayout layout = key_layout(values_, *op_, o);
    const std::int64_t q_width = o.heads * o.key_dim, k_width = o.kv_heads * layout.own,
                       out_width = o.heads * o.value_dim;
    const Scalar scale(1 / std::sqrt(static_cast<double>(o.scale_dim)));
    std::vector<Scalar> score;
    for (std::size_t r = 0; r < places.size(); ++r)
      for (std::int64_t h = 0; h < o.heads; ++h) {
        const RowPlace place = places[r];
        const std::int64_t g = h / (o.heads / o.kv_heads), row = static_cast<std::int64_t>(r);
        score.assign(static_cast<std::size_t>(place.length), Scalar(0));
        double highest = -std::numeric_limits<double>::infinity();
        for (std::int64_t j = 0; j < place.length; ++j) {
          if (!sees(o, place.position, j)) continue;
          const std::int64_t key = place.first_cached_row + j;
          Scalar sum(0);
          for (std::int64_t c = 0; c < layout.own; ++c)
            sum = multiply_add(in(0)[at(row, q_width, h * o.key_dim + c)], in(1)[at(key, k_width, g * layout.own + c)],
                               sum);
          for (std::int64_t c = 0; c < o.shared_key_dim; ++c)
            sum = multiply_add(in(0)[at(row, q_width, h * o.key_dim + layout.own + c)],
                               in(3)[at(key, values_.width(op_->inputs[3]), layout.shared_from + c)], sum);
          sum = sum * scale;
          if (o.alibi) sum = sum + Scalar(alibi_slope(h, o.heads)) * Scalar(static_cast<double>(j - place.position));
          score[static_cast<std::size_t>(j)] = sum;
          highest = std::max(highest, static_cast<double>(sum));
        }
        if (o.learned_sinks) highest = std::max(highest, static_cast<double>(weight(0)[static_cast<std::size_t>(h)]));
        const Scalar top(highest);
        Scalar total(0);
        for (std::int64_t j = 0; j < place.length; ++j)
          if (sees(o, place.position, j)) {
            score[static_cast<std::size_t>(j)] = exp(score[static_cast<std::size_t>(j)] - top);
            total = total + score[static_cast<std::size_t>(j)];
          }
        if (o.learned_sinks) total = total + exp(weight(0)[static_cast<std::size_t>(h)] - top);
        for (std::int64_t c = 0; c < o.value_dim; ++c) out(0)[at(row, out_width, h * o.value_dim + c)] = Scalar(0);
        for (std::int64_t j = 0; j < place.length; ++j) {
          if (!sees(o, place.position, j)) continue;
          const Scalar share = score[static_cast<std::size_t>(j)] / total;
          for (std::int64_t c = 0; c < o.value_dim; ++c) {
            Scalar& sum = out(0)[at(row, out_width, h * o.value_dim + c)];
            sum = multiply_add(share, value(o, place.first_cached_row + j, g, c), sum);
          }
        }
        out(1)[at(row, o.heads, h)] = top + log(total);
      }
  }

  void operator()(const Activate& o) {
    for (std::size_t i = 0; i < out(0).size(); ++i) {
      const Scalar y = activate(o.activation, in(0)[i]);
      out(0)[i] = o.gated ? y * in(1)[i] : y;
    }
  }

  static Scalar activate(Activation activation, const Scalar& x) {  ///< One value; gates are applied elsewhere.
    using std::erf;
    using std::exp;
    using std::expm1;
    switch (activation) {
      case Activation::Silu: return x / (Scalar(1) + exp(-x));
      case Activation::Gelu: return x * (Scalar(0.5) * (Scalar(1) + erf(x * Scalar(std::sqrt(0.5)))));
      case Activation::Relu: return static_cast<double>(x) > 0 ? x : Scalar(0);
      case Activation::SquaredRelu: {
        const Scalar positive = static_cast<double>(x) > 0 ? x : Scalar(0);
        return positive * positive;
      }
      case Activation::Xielu:  // arXiv:2411.13010 with alpha 0.8, beta 0.5
        if (static_cast<double>(x) > 0) return Scalar(0.8) * x * x + Scalar(0.5) * x;
        return Scalar(0.8) * (expm1(x) - x) + Scalar(0.5) * x;
    }
    return x;
  }

  void operator()(const Add&) {
    out(0) = in(0);
    for (std::size_t part = 1; part < op_->inputs.size(); ++part)
      for (std::size_t i = 0; i < out(0).size(); ++i) out(0)[i] = out(0)[i] + in(part)[i];
  }

  void operator()(const GateScale& o) {
    using std::exp;
    for (std::int64_t r = 0; r < o.rows; ++r) {
      const Scalar gate = Scalar(1) / (Scalar(1) + exp(-in(1)[static_cast<std::size_t>(r)]));
      for (std::int64_t c = 0; c < o.width; ++c) out(0)[at(r, o.width, c)] = in(0)[at(r, o.width, c)] * gate;
    }
  }

  void operator()(const Route& o) {
    using std::exp;
    const auto& logits = in(0);
    auto& chosen = values_.ints(op_->outputs[1]);
    for (std::int64_t r = 0; r < o.rows; ++r) {
      std::vector<Scalar> score(static_cast<std::size_t>(o.experts)), rank(score.size());
      for (std::int64_t e = 0; e < o.experts; ++e) {
        const auto i = static_cast<std::size_t>(e);
        score[i] = logits[at(r, o.experts, e)];
        if (o.score == RouterScore::Sigmoid) score[i] = Scalar(1) / (Scalar(1) + exp(-score[i]));
        rank[i] = o.selection_bias ? score[i] + weight(0)[i] : score[i];
      }
      std::vector<std::int64_t> order(score.size());
      std::iota(order.begin(), order.end(), std::int64_t{0});
      std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        return static_cast<double>(rank[static_cast<std::size_t>(a)]) >
               static_cast<double>(rank[static_cast<std::size_t>(b)]);
      });
      const Scalar top(static_cast<double>(score[static_cast<std::size_t>(order[0])]));
      Scalar total(0);
      for (std::int64_t s = 0; s < o.per_token; ++s) {
        const std::int64_t expert = order[static_cast<std::size_t>(s)];
        Scalar& w = score[static_cast<std::size_t>(expert)];
        if (o.score == RouterScore::Softmax) w = exp(w - top);
        total = total + w;
        chosen[at(r, o.per_token, s)] = expert;
      }
      for (std::int64_t s = 0; s < o.per_token; ++s)
        out(0)[at(r, o.per_token, s)] = score[static_cast<std::size_t>(order[static_cast<std::size_t>(s)])] / total;
    }
  }

  void operator()(const Dispatch& o) {
    const auto order = expert_order(values_.ints(op_->inputs[1]));
    for (std::size_t sorted = 0; sorted < order.size(); ++sorted) {
      const std::int64_t pair = order[sorted], token = pair / o.per_token, row = static_cast<std::int64_t>(sorted);
      for (std::int64_t c = 0; c < o.width; ++c) {
        if (o.deal == Deal::Gather) out(0)[at(pair, o.width, c)] = in(0)[at(row, o.width, c)];
        else out(0)[at(row, o.width, c)] = in(0)[at(o.deal == Deal::Copy ? token : pair, o.width, c)];
      }
    }
  }

  void operator()(const Combine& o) {
    const auto order = expert_order(values_.ints(op_->inputs[2]));
    std::fill(out(0).begin(), out(0).end(), Scalar(0));
    for (std::size_t sorted = 0; sorted < order.size(); ++sorted) {
      const std::int64_t pair = order[sorted];
      for (std::int64_t c = 0; c < o.width; ++c) {
        Scalar& sum = out(0)[at(pair / o.per_token, o.width, c)];
        sum = sum + in(1)[static_cast<std::size_t>(pair)] * in(0)[at(static_cast<std::int64_t>(sorted), o.width, c)];
      }
    }
    if (o.bias)
      for (std::int64_t r = 0; r < o.rows; ++r)
        for (std::int64_t c = 0; c < o.width; ++c)
          out(0)[at(r, o.width, c)] = out(0)[at(r, o.width, c)] + weight(0)[static_cast<std::size_t>(c)];
  }

  void operator()(const SelectRows& o) {
    const auto rows = selected_rows(values_.program.step);
    for (std::size_t r = 0; r < rows.size(); ++r)
      for (std::int64_t c = 0; c < o.width; ++c)
        out(0)[at(static_cast<std::int64_t>(r), o.width, c)] = in(0)[at(rows[r], o.width, c)];
  }

  /// Rows of the step whose logits are wanted, in order.
  static std::vector<std::int64_t> selected_rows(const Step& step) {
    std::vector<std::int64_t> rows;
    std::int64_t first = 0;
    for (const Segment& s : step.segments)
      for (std::int64_t b = 0; b < s.sequences; ++b, first += s.new_tokens)
        for (std::int64_t i = std::max<std::int64_t>(0, s.new_tokens - s.logit_positions); i < s.new_tokens; ++i)
          rows.push_back(first + i);
    return rows;
  }

  void operator()(const Concatenate& o) {
    for (std::int64_t r = 0; r < o.rows; ++r)
      for (std::size_t part = 0; part < 2; ++part)
        for (std::int64_t c = 0; c < o.width; ++c)
          out(0)[at(r, 2 * o.width, static_cast<std::int64_t>(part) * o.width + c)] = in(part)[at(r, o.width, c)];
  }

  void operator()(const CrossEntropy& o) {
    Scalar sum(0);
    for (std::int64_t r = 0; r < o.rows; ++r)
      sum = sum + (log_sum_exp(in(0), r, o.vocabulary) -
                   in(0)[at(r, o.vocabulary, values_.ints(op_->inputs[1])[static_cast<std::size_t>(r)])]);
    out(0)[0] = sum / Scalar(static_cast<double>(o.rows));
  }

  /// Of one row, without overflow.
  static Scalar log_sum_exp(const std::vector<Scalar>& logits, std::int64_t row, std::int64_t width) {
    using std::exp;
    using std::log;
    double highest = -std::numeric_limits<double>::infinity();
    for (std::int64_t c = 0; c < width; ++c)
      highest = std::max(highest, static_cast<double>(logits[at(row, width, c)]));
    const Scalar top(highest);
    Scalar total(0);
    for (std::int64_t c = 0; c < width; ++c) total = total + exp(logits[at(row, width, c)] - top);
    return top + log(total);
  }

 private:
  explicit Forward(Values<Scalar>& values) : values_(values) {}
  std::vector<Scalar>& in(std::size_t i) { return values_.of(op_->inputs[i]); }
  std::vector<Scalar>& out(std::size_t i) { return values_.of(op_->outputs[i]); }
  std::vector<Scalar>& weight(std::size_t i) { return values_.of(op_->weights[i]); }
  const Scalar& value(const AttentionCore& o, std::int64_t key, std::int64_t head, std::int64_t c) {
    if (o.values_in_keys) return in(1)[at(key, o.kv_heads * o.key_dim, head * o.key_dim + c)];
    return in(2)[at(key, o.kv_heads * o.value_dim, head * o.value_dim + c)];
  }

  Values<Scalar>& values_;
  const Op* op_ = nullptr;
};

}  // namespace isoflop::naive
