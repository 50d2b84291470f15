// The backward pass of a training program, one obvious loop per operation. Gradients accumulate. Attention keeps no
// scores: it computes them again from q, k and the log-sum-exp (arXiv:2205.14135). See naive_values.h.
#pragma once
#include "isoflop/model/naive_forward.h"

namespace isoflop::naive {

template <typename Scalar>
class Backward {  ///< One operation after the other, in reverse.
 public:
  /// After Forward::run. Every loss counts once. `after` as in Forward::run.
  static void run(Values<Scalar>& values, const std::function<void(const Op&)>& after = {}) {
    Backward pass(values);
    for (auto op = values.program.ops.rbegin(); op != values.program.ops.rend(); ++op) {
      pass.op_ = &*op;
      std::visit(pass, op->detail);
      if (after) after(*op);
    }
  }

  void operator()(const Lookup& o) {
    for (std::int64_t r = 0; r < o.rows; ++r)
      for (std::int64_t c = 0; c < o.width; ++c)
        accumulate(dweight(0)[at(values_.ints(op_->inputs[0])[static_cast<std::size_t>(r)], o.width, c)],
                   dout(0)[at(r, o.width, c)]);
  }

  void operator()(const MatMul& o) {
    products(o.rows, o.columns, o.inner, o.bias, [](std::int64_t) { return std::int64_t{0}; });
  }

  void operator()(const GroupedMatMul& o) {
    const auto& chosen = values_.ints(op_->inputs[1]);
    const auto order = expert_order(chosen);
    products(o.rows, o.columns, o.inner, o.bias, [&](std::int64_t row) {
      return chosen[static_cast<std::size_t>(order[static_cast<std::size_t>(row)])] * o.columns;
    });
  }

  void operator()(const HeadMatMul&) {}  // decode only
  void operator()(const CacheWrite&) {}  // inference only

  void operator()(const Normalise& o) {
    using std::sqrt;
    const bool centre = o.style.kind == NormKind::LayerNorm;
    const std::int64_t stride = o.groups * o.width;
    const Scalar width(static_cast<double>(o.width)), epsilon(norm_epsilon), one(1);
    std::vector<Scalar> normal(static_cast<std::size_t>(o.width)), slope(normal.size());
    for (std::int64_t r = 0; r < o.rows; ++r)
      for (std::int64_t g = 0; g < o.groups; ++g) {
        const std::int64_t first = g * o.width, first_scale = o.scales > o.width ? first : 0;
        const auto x = [&](std::int64_t c) -> const Scalar& { return in(0)[at(r, stride, first + c)]; };
        Scalar mean(0), square(0);
        if (centre) {
          for (std::int64_t c = 0; c < o.width; ++c) mean = mean + x(c);
          mean = mean / width;
        }
        for (std::int64_t c = 0; c < o.width; ++c) {
          const Scalar centred = centre ? x(c) - mean : x(c);
          square = square + centred * centred;
        }
        const Scalar inverse = one / sqrt(square / width + epsilon);
        Scalar slope_sum(0), slope_dot(0);
        for (std::int64_t c = 0; c < o.width; ++c) {
          const auto i = static_cast<std::size_t>(c);
          normal[i] = (centre ? x(c) - mean : x(c)) * inverse;
          slope[i] = dout(0)[at(r, stride, first + c)];
          if (o.style.bias)
            accumulate(dweight(o.style.scale ? 1 : 0)[static_cast<std::size_t>(first_scale + c)], slope[i]);
          if (o.style.scale) {
            Scalar& d = dweight(0)[static_cast<std::size_t>(first_scale + c)];
            d = d + slope[i] * normal[i];
            slope[i] = slope[i] * weight(0)[static_cast<std::size_t>(first_scale + c)];
          }
          if (centre) slope_sum = slope_sum + slope[i];
          slope_dot = slope_dot + slope[i] * normal[i];
        }
        slope_dot = slope_dot / width;
        if (centre) slope_sum = slope_sum / width;
        for (std::int64_t c = 0; c < o.width; ++c) {
          const auto i = static_cast<std::size_t>(c);
          Scalar rest = slope[i] - normal[i] * slope_dot;
          if (centre) rest = rest - slope_sum;
          Scalar& d = din(0)[at(r, stride, first + c)];
          d = d + inverse * rest;
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
          for (std::int64_t c = 0; c < o.head_dim; ++c)
            if (c < first || c >= first + o.rotated)
              accumulate(din(part)[at(r, width, h + c)], dout(part)[at(r, width, h + c)]);
          for (std::int64_t i = 0; i < half; ++i) {
            const double angle = rotary_angle(places[static_cast<std::size_t>(r)].position, i, o.rotated);
            const Scalar cosine(std::cos(angle)), sine(std::sin(angle));
            const std::size_t low = at(r, width, h + first + i), high = at(r, width, h + first + half + i);
            accumulate(din(part)[low], dout(part)[low] * cosine + dout(part)[high] * sine);
            accumulate(din(part)[high], dout(part)[high] * cosine - dout(part)[low] * sine);
          }
        }
    }
  }

  void operator()(const AttentionCore& o) {
    using std::exp;
    const auto places = row_places(o.segments);
    const KeyLayout layout = key_layout(values_, *op_, o);
    const std::int64_t q_width = o.heads * o.key_dim, k_width = o.kv_heads * layout.own,
                       out_width = o.heads * o.value_dim;
    const std::int64_t v_width = o.kv_heads * o.value_dim,
                       s_width = o.shared_key_dim > 0 ? values_.width(op_->inputs[3]) : 0;
    const Scalar scale(1 / std::sqrt(static_cast<double>(o.scale_dim)));
    for (std::size_t i = 0; i < places.size(); ++i)
      for (std::int64_t h = 0; h < o.heads; ++h) {
        const RowPlace place = places[i];
        const std::int64_t row = static_cast<std::int64_t>(i), g = h / (o.heads / o.kv_heads);
        const Scalar& lse = values_.of(op_->outputs[1])[at(row, o.heads, h)];
        Scalar mixed(0);
        for (std::int64_t c = 0; c < o.value_dim; ++c) {
          const std::size_t place_out = at(row, out_width, h * o.value_dim + c);
          mixed = mixed + dout(0)[place_out] * values_.of(op_->outputs[0])[place_out];
        }
        for (std::int64_t j = 0; j < place.length; ++j) {
          if (!sees(o, place.position, j)) continue;
          const std::int64_t key = place.first_cached_row + j;
          Scalar score(0);
          for (std::int64_t c = 0; c < layout.own; ++c)
            score = multiply_add(in(0)[at(row, q_width, h * o.key_dim + c)],
                                 in(1)[at(key, k_width, g * layout.own + c)], score);
          for (std::int64_t c = 0; c < o.shared_key_dim; ++c)
            score = multiply_add(in(0)[at(row, q_width, h * o.key_dim + layout.own + c)],
                                 in(3)[at(key, s_width, layout.shared_from + c)], score);
          score = score * scale;
          if (o.alibi)
            score = score + Scalar(alibi_slope(h, o.heads)) * Scalar(static_cast<double>(j - place.position));
          const Scalar share = exp(score - lse);
          Scalar dshare(0);
          for (std::int64_t c = 0; c < o.value_dim; ++c) {
            const Scalar& d = dout(0)[at(row, out_width, h * o.value_dim + c)];
            const std::size_t v = at(key, v_width, g * o.value_dim + c);
            dshare = multiply_add(d, in(2)[v], dshare);
            din(2)[v] = multiply_add(share, d, din(2)[v]);
          }
          const Scalar dscore = share * (dshare - mixed) * scale;
          for (std::int64_t c = 0; c < layout.own; ++c) {
            const std::size_t q = at(row, q_width, h * o.key_dim + c), k = at(key, k_width, g * layout.own + c);
            din(0)[q] = multiply_add(dscore, in(1)[k], din(0)[q]);
            din(1)[k] = multiply_add(dscore, in(0)[q], din(1)[k]);
          }
          for (std::int64_t c = 0; c < o.shared_key_dim; ++c) {
            const std::size_t q = at(row, q_width, h * o.key_dim + layout.own + c),
                              k = at(key, s_width, layout.shared_from + c);
            din(0)[q] = multiply_add(dscore, in(3)[k], din(0)[q]);
            din(3)[k] = multiply_add(dscore, in(0)[q], din(3)[k]);
          }
        }
        if (o.learned_sinks) {
          Scalar& d = dweight(0)[static_cast<std::size_t>(h)];
          d = d - exp(weight(0)[static_cast<std::size_t>(h)] - lse) * mixed;
        }
      }
  }

  void operator()(const Activate& o) {
    using std::erf;
    using std::exp;
    using std::expm1;
    const Scalar one(1);
    for (std::size_t i = 0; i < dout(0).size(); ++i) {
      const Scalar &x = in(0)[i], &d = dout(0)[i];
      Scalar slope(0), y(0);
      switch (o.activation) {
        case Activation::Silu: {
          const Scalar s = one / (one + exp(-x));
          slope = s * (one + x * (one - s));
          if (o.gated) y = x * s;
          break;
        }
        case Activation::Gelu: {
          const Scalar share = Scalar(0.5) * (one + erf(x * Scalar(std::sqrt(0.5))));
          slope = share + x * (Scalar(0.3989422804014327) * exp(Scalar(-0.5) * (x * x)));
          if (o.gated) y = x * share;
          break;
        }
        case Activation::Relu:
          slope = Scalar(static_cast<double>(x) > 0 ? 1 : 0);
          if (o.gated) y = static_cast<double>(x) > 0 ? x : Scalar(0);
          break;
        case Activation::SquaredRelu: {
          const Scalar positive = static_cast<double>(x) > 0 ? x : Scalar(0);
          slope = Scalar(2) * positive;
          if (o.gated) y = positive * positive;
          break;
        }
        case Activation::Xielu:
          slope = static_cast<double>(x) > 0 ? Scalar(1.6) * x + Scalar(0.5) : Scalar(0.8) * expm1(x) + Scalar(0.5);
          if (o.gated) y = Forward<Scalar>::activate(o.activation, x);
          break;
      }
      if (o.gated) {
        din(1)[i] = din(1)[i] + d * y;
        din(0)[i] = din(0)[i] + d * in(1)[i] * slope;
      } else {
        din(0)[i] = din(0)[i] + d * slope;
      }
    }
  }

  void operator()(const Add&) {
    for (std::size_t part = 0; part < op_->inputs.size(); ++part)
      for (std::size_t i = 0; i < dout(0).size(); ++i) accumulate(din(part)[i], dout(0)[i]);
  }

  void operator()(const GateScale& o) {
    using std::exp;
    const Scalar one(1);
    for (std::int64_t r = 0; r < o.rows; ++r) {
      const Scalar gate = one / (one + exp(-in(1)[static_cast<std::size_t>(r)]));
      Scalar dot(0);
      for (std::int64_t c = 0; c < o.width; ++c) {
        const std::size_t i = at(r, o.width, c);
        dot = dot + dout(0)[i] * in(0)[i];
        din(0)[i] = din(0)[i] + dout(0)[i] * gate;
      }
      accumulate(din(1)[static_cast<std::size_t>(r)], dot * gate * (one - gate));
    }
  }

  void operator()(const Route& o) {
    using std::exp;
    const Scalar one(1);
    const auto& chosen = values_.ints(op_->outputs[1]);
    for (std::int64_t r = 0; r < o.rows; ++r) {
      Scalar dot(0), total(0);
      std::vector<Scalar> sigmoid(static_cast<std::size_t>(o.per_token));
      for (std::int64_t s = 0; s < o.per_token; ++s) {
        const std::size_t i = at(r, o.per_token, s);
        dot = dot + dout(0)[i] * values_.of(op_->outputs[0])[i];
        if (o.score == RouterScore::Sigmoid) {
          sigmoid[static_cast<std::size_t>(s)] = one / (one + exp(-in(0)[at(r, o.experts, chosen[i])]));
          total = total + sigmoid[static_cast<std::size_t>(s)];
        }
      }
      for (std::int64_t s = 0; s < o.per_token; ++s) {
        const std::size_t i = at(r, o.per_token, s);
        Scalar& d = din(0)[at(r, o.experts, chosen[i])];
        const Scalar excess = dout(0)[i] - dot;
        if (o.score == RouterScore::Softmax) {
          d = d + values_.of(op_->outputs[0])[i] * excess;
        } else {
          const Scalar& p = sigmoid[static_cast<std::size_t>(s)];
          d = d + excess / total * (p * (one - p));
        }
      }
    }
  }

  void operator()(const Dispatch& o) {
    const auto order = expert_order(values_.ints(op_->inputs[1]));
    for (std::size_t sorted = 0; sorted < order.size(); ++sorted) {
      const std::int64_t pair = order[sorted], row = static_cast<std::int64_t>(sorted);
      for (std::int64_t c = 0; c < o.width; ++c) {
        if (o.deal == Deal::Gather) accumulate(din(0)[at(row, o.width, c)], dout(0)[at(pair, o.width, c)]);
        else
          accumulate(din(0)[at(o.deal == Deal::Copy ? pair / o.per_token : pair, o.width, c)],
                     dout(0)[at(row, o.width, c)]);
      }
    }
  }

  void operator()(const Combine& o) {
    const auto order = expert_order(values_.ints(op_->inputs[2]));
    for (std::size_t sorted = 0; sorted < order.size(); ++sorted) {
      const std::int64_t pair = order[sorted];
      for (std::int64_t c = 0; c < o.width; ++c) {
        const Scalar& d = dout(0)[at(pair / o.per_token, o.width, c)];
        const std::size_t i = at(static_cast<std::int64_t>(sorted), o.width, c);
        din(0)[i] = din(0)[i] + in(1)[static_cast<std::size_t>(pair)] * d;
        din(1)[static_cast<std::size_t>(pair)] = din(1)[static_cast<std::size_t>(pair)] + in(0)[i] * d;
      }
    }
    if (o.bias)
      for (std::int64_t r = 0; r < o.rows; ++r)
        for (std::int64_t c = 0; c < o.width; ++c)
          accumulate(dweight(0)[static_cast<std::size_t>(c)], dout(0)[at(r, o.width, c)]);
  }

  void operator()(const SelectRows& o) {
    const auto rows = Forward<Scalar>::selected_rows(values_.program.step);
    for (std::size_t r = 0; r < rows.size(); ++r)
      for (std::int64_t c = 0; c < o.width; ++c)
        accumulate(din(0)[at(rows[r], o.width, c)], dout(0)[at(static_cast<std::int64_t>(r), o.width, c)]);
  }

  void operator()(const Concatenate& o) {
    for (std::int64_t r = 0; r < o.rows; ++r)
      for (std::size_t part = 0; part < 2; ++part)
        for (std::int64_t c = 0; c < o.width; ++c)
          accumulate(din(part)[at(r, o.width, c)],
                     dout(0)[at(r, 2 * o.width, static_cast<std::int64_t>(part) * o.width + c)]);
  }

  void operator()(const CrossEntropy& o) {
    using std::exp;
    const Scalar share = Scalar(1) / Scalar(static_cast<double>(o.rows));
    for (std::int64_t r = 0; r < o.rows; ++r) {
      const Scalar lse = Forward<Scalar>::log_sum_exp(in(0), r, o.vocabulary);
      for (std::int64_t c = 0; c < o.vocabulary; ++c) {
        Scalar& d = din(0)[at(r, o.vocabulary, c)];
        d = d + exp(in(0)[at(r, o.vocabulary, c)] - lse) * share;
      }
      Scalar& d = din(0)[at(r, o.vocabulary, values_.ints(op_->inputs[1])[static_cast<std::size_t>(r)])];
      d = d - share;
    }
  }

 private:
  explicit Backward(Values<Scalar>& values) : values_(values) {}

  // x, w and bias of y = x w^T + b, w's rows of row r starting at first_row(r).
  template <typename FirstRow>
  void products(std::int64_t rows, std::int64_t, std::int64_t inner, bool bias, const FirstRow& first_row) {
    const std::int64_t stride = values_.width(op_->inputs[0]);
    for (std::int64_t r = 0; r < rows; ++r) {
      std::int64_t first = first_row(r);
      for (std::size_t part = 0; part < op_->outputs.size(); ++part) {
        const std::int64_t width = values_.width(op_->outputs[part]);
        for (std::int64_t c = 0; c < width; ++c) {
          const Scalar& d = dout(part)[at(r, width, c)];
          for (std::int64_t k = 0; k < inner; ++k) {
            const std::size_t x = at(r, stride, k), w = at(first + c, inner, k);
            din(0)[x] = multiply_add(d, weight(0)[w], din(0)[x]);
            dweight(0)[w] = multiply_add(d, in(0)[x], dweight(0)[w]);
          }
          if (bias) accumulate(dweight(1)[static_cast<std::size_t>(first + c)], d);
        }
        first += width;
      }
    }
  }

  static void accumulate(Scalar& sum, const Scalar& part) { sum = sum + part; }
  std::vector<Scalar>& in(std::size_t i) { return values_.of(op_->inputs[i]); }
  std::vector<Scalar>& din(std::size_t i) { return values_.grad(op_->inputs[i]); }
  std::vector<Scalar>& dout(std::size_t i) { return values_.grad(op_->outputs[i]); }
  std::vector<Scalar>& weight(std::size_t i) { return values_.of(op_->weights[i]); }
  std::vector<Scalar>& dweight(std::size_t i) { return values_.grad(op_->weights[i]); }

  Values<Scalar>& values_;
  const Op* op_ = nullptr;
};

}  // namespace isoflop::naive
