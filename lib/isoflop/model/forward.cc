#include "isoflop/model/forward.h"

#include <fmt/format.h>

#include "isoflop/error.h"
#include "isoflop/model/prediction_pass.h"

namespace isoflop {
namespace wiring {

Builder::Builder(const Architecture& a, const Step& s) : architecture(a), step(s) { program.step = s; }

void Builder::enter_layer(int layer, std::int64_t times) {
  layer_ = layer;
  times_ = times;
  prefix_ = fmt::format("layer {} ", layer);
  recast_ = false;
}
void Builder::enter_layer_as(Part part, int layer, std::int64_t times) {
  enter_layer(layer, times);
  recast_ = true;
  recast_part_ = part;
}
void Builder::leave_layer() {
  layer_ = -1;
  times_ = 1;
  prefix_.clear();
  recast_ = false;
}

int Builder::tensor(const std::string& name, TensorKind kind, Part part, std::vector<std::int64_t> shape) {
  Tensor t;
  t.name = prefix_ + name;
  t.kind = kind;
  t.part = recast_ ? recast_part_ : part;
  t.shape = std::move(shape);
  t.layer = layer_;
  t.times = times_;
  program.tensors.push_back(std::move(t));
  return static_cast<int>(program.tensors.size()) - 1;
}

int Builder::activation(const std::string& name, std::int64_t rows, std::int64_t width) {
  return tensor(name, TensorKind::Activation, Part::Residual, {rows, width});
}

int Builder::weight(const std::string& name, Part part, std::vector<std::int64_t> shape, std::int64_t experts,
                    std::int64_t experts_used) {
  const int index = tensor(name, TensorKind::Weight, part, std::move(shape));
  program.tensors.back().experts = experts;
  program.tensors.back().experts_used = experts_used;
  return index;
}

void Builder::op(const std::string& name, Part part, OpDetail detail, std::vector<int> inputs, std::vector<int> weights,
                 std::vector<int> outputs, std::vector<int> saved) {
  program.ops.push_back({prefix_ + name, recast_ ? recast_part_ : part, std::move(detail), std::move(inputs),
                         std::move(weights), std::move(outputs), std::move(saved), layer_, times_});
}

std::vector<int> Builder::matmul_split(const std::string& name, Part part, int x,
                                       const std::vector<std::pair<std::string, std::int64_t>>& outputs, bool bias,
                                       Split split) {
  const std::int64_t rows = rows_of(x), inner = width_of(x);
  std::int64_t columns = 0;
  for (const auto& output : outputs) columns += output.second;
  std::vector<int> weights = {weight(name + " weight", part, {columns, inner})};
  if (bias) weights.push_back(weight(name + " bias", part, {columns}));
  std::vector<int> results;
  for (const auto& [output, width] : outputs) results.push_back(activation(output, rows, width));
  op(name, part, MatMul{rows, columns, inner, bias, split}, {x}, std::move(weights), results, {x});
  return results;
}

int Builder::matmul(const std::string& name, Part part, int x, std::int64_t columns, bool bias, Split split) {
  return matmul_split(name, part, x, {{name, columns}}, bias, split).front();
}

int Builder::norm(const std::string& name, Part part, int x, NormStyle style) {
  const std::int64_t rows = rows_of(x), width = width_of(x);
  std::vector<int> weights;
  if (style.scale) weights.push_back(weight(name + " scale", part, {width}));
  if (style.bias) weights.push_back(weight(name + " bias", part, {width}));
  const int y = activation(name, rows, width);
  op(name, part, Normalise{rows, 1, width, style, width}, {x}, std::move(weights), {y}, {x});
  return y;
}

int Builder::head_norm(const std::string& name, int x, std::int64_t heads, std::int64_t head_dim, QkNorm kind,
                       NormStyle style) {
  // The norm on queries and keys has a scale and no bias in every model of the catalogue.
  style = {style.kind, true, false};
  const std::int64_t rows = rows_of(x);
  const std::int64_t groups = kind == QkNorm::WholeProjection ? 1 : heads;
  const std::int64_t width = kind == QkNorm::WholeProjection ? heads * head_dim : head_dim;
  const std::int64_t scales = kind == QkNorm::EachHead ? groups * width : width;
  const int scale = weight(name + " scale", Part::Norm, {scales});
  const int y = activation(name, rows, heads * head_dim);
  op(name, Part::Norm, Normalise{rows, groups, width, style, scales}, {x}, {scale}, {y}, {x});
  return y;
}

int Builder::add(const std::string& name, const std::vector<int>& operands) {
  const std::int64_t rows = rows_of(operands.front()), width = width_of(operands.front());
  const int y = activation(name, rows, width);
  op(name, Part::Residual, Add{rows, width, static_cast<std::int64_t>(operands.size())}, operands, {}, {y}, {});
  return y;
}

int Builder::mlp(const std::string& name, Part part, int x, const Mlp& mlp) {
  const std::int64_t rows = rows_of(x);
  std::vector<int> wide;
  if (mlp.gated)
    wide = matmul_split(name + " up", part, x, {{name + " gate", mlp.width}, {name + " up", mlp.width}}, mlp.bias,
                        Split::Columns);
  else
    wide = {matmul(name + " up", part, x, mlp.width, mlp.bias, Split::Columns)};
  const int active = activation(name + " activation", rows, mlp.width);
  op(name + " activation", part, Activate{rows, mlp.width, mlp.activation, mlp.gated}, wide, {}, {active}, wide);
  return matmul(name + " down", part, active, architecture.width, mlp.bias, Split::Rows);
}

int Builder::layer(int x, const Layer& l) {
  const NormStyle style = architecture.norm;
  const auto feed = [&](int in) { return l.experts ? mixture(in, *l.experts) : mlp("mlp", Part::Mlp, in, *l.mlp); };
  switch (l.wiring) {
    case Wiring::PreNorm: {
      const int mixed = attention(norm("attention norm", Part::Norm, x, style), l.attention);
      const int y = add("attention residual", {x, mixed});
      return add("feed residual", {y, feed(norm("feed norm", Part::Norm, y, style))});
    }
    case Wiring::PostNorm: {
      const int y =
          add("attention residual", {x, norm("attention norm", Part::Norm, attention(x, l.attention), style)});
      return add("feed residual", {y, norm("feed norm", Part::Norm, feed(y), style)});
    }
    case Wiring::Sandwich: {
      const int mixed = attention(norm("attention norm", Part::Norm, x, style), l.attention);
      const int y = add("attention residual", {x, norm("attention out norm", Part::Norm, mixed, style)});
      const int fed = feed(norm("feed norm", Part::Norm, y, style));
      return add("feed residual", {y, norm("feed out norm", Part::Norm, fed, style)});
    }
    case Wiring::Parallel: {
      const int n = norm("norm", Part::Norm, x, style);
      const int mixed = attention(n, l.attention);
      return add("residual", {x, mixed, feed(n)});
    }
    case Wiring::DenseHybrid: {
      const int mixed = attention(norm("attention norm", Part::Norm, x, style), l.attention);
      const int y = add("attention residual", {x, mixed});
      const int dense = mlp("dense residual", Part::Mlp, norm("dense residual norm", Part::Norm, y, style), *l.mlp);
      const int routed = mixture(norm("experts norm", Part::Norm, x, style), *l.experts);
      return add("feed residual", {y, dense, routed});
    }
  }
  throw Error(Fault::BadInput, architecture.name + ": unknown wiring of a layer");
}

namespace {

// [hidden | embedding of the next token] -> width, one layer, then the shared head (DeepSeek-V3, arXiv:2412.19437).
int prediction(Builder& b, int hidden, int embedded, const Layer& layer, int index) {
  b.enter_layer_as(Part::Prediction, index, 1);
  const std::int64_t rows = b.rows_of(hidden), d = b.architecture.width;
  const int both = b.activation("pair", rows, 2 * d);
  b.op("pair", Part::Prediction, Concatenate{rows, d}, {hidden, embedded}, {}, {both}, {});
  const int joined = b.matmul("projection", Part::Prediction, both, d, false, Split::None);
  const int y = b.layer(joined, layer);
  b.leave_layer();
  return y;
}

class WholeModel {
 public:
  WholeModel(const Architecture& architecture, const Step& step, LayerListing listing)
      : a_(architecture), step_(step), b_(architecture, step) {
    const int embedded = embed();
    int x = embedded;
    if (listing == LayerListing::Each) {
      for (std::size_t i = 0; i < a_.layers.size(); ++i) x = one_layer(x, a_.layers[i], static_cast<int>(i), 1);
    } else {
      int i = 0;
      for (const LayerCount& some : distinct_layers(a_)) x = one_layer(x, some.layer, i++, some.count);
    }
    const int last = x;
    head(x, "");
    int index = static_cast<int>(a_.layers.size());
    x = last;
    for (const Layer& layer : a_.prediction_layers) {
      if (step_.training) {
        x = prediction(b_, x, embedded, layer, index++);
        head(x, "prediction ");
      } else {
        weights_only(layer, index++);
      }
    }
  }
  /// The first prediction layer by itself.
  WholeModel(const Architecture& architecture, const Step& step)
      : a_(architecture), step_(step), b_(architecture, step) {
    const int embedded = embed();
    const int hidden = b_.activation("hidden", step_.tokens(), a_.width);
    head(prediction(b_, hidden, embedded, a_.prediction_layers.front(), static_cast<int>(a_.layers.size())),
         "prediction ");
  }
  Program take() { return std::move(b_.program); }

 private:
  int one_layer(int x, const Layer& layer, int index, std::int64_t times) {
    b_.enter_layer(index, times);
    x = b_.layer(x, layer);
    b_.leave_layer();
    return x;
  }

  int embed() {
    const std::int64_t rows = step_.tokens(), d = a_.width, inner = a_.embedding_width > 0 ? a_.embedding_width : d;
    const int ids = b_.tensor("token ids", TensorKind::TokenIds, Part::Embedding, {rows});
    table_ = b_.weight("embedding", Part::Embedding, {a_.vocabulary, inner});
    int x = b_.activation("embedded", rows, inner);
    b_.op("embedding", Part::Embedding, Lookup{rows, inner, a_.vocabulary}, {ids}, {table_}, {x}, {});
    if (inner != d) x = b_.matmul("embedding projection", Part::Embedding, x, d, false, Split::None);
    if (a_.learned_positions > 0) {
      const int places = b_.tensor("positions", TensorKind::TokenIds, Part::Position, {rows});
      const int positions = b_.weight("position embedding", Part::Position, {a_.learned_positions, d});
      const int p = b_.activation("embedded positions", rows, d);
      b_.op("position embedding", Part::Position, Lookup{rows, d, a_.learned_positions}, {places}, {positions}, {p},
            {});
      x = b_.add("position sum", {x, p});
    }
    if (a_.embedding_norm) x = b_.norm("embedding norm", Part::Norm, x, a_.norm);
    return x;
  }

  void head(int x, const std::string& prefix) {
    const std::int64_t rows = step_.logit_positions(), d = a_.width,
                       inner = a_.embedding_width > 0 ? a_.embedding_width : d;
    if (rows < 1) return;
    if (rows < b_.rows_of(x)) {
      const int kept = b_.activation(prefix + "last tokens", rows, d);
      b_.op(prefix + "last tokens", Part::Head, SelectRows{rows, d}, {x}, {}, {kept}, {});
      x = kept;
    }
    if (a_.final_norm) x = final_norm(x, prefix);
    if (inner != d) x = projected_out(x, prefix);
    if (a_.tied_embeddings)
      head_ = table_;
    else if (head_ < 0)
      head_ = b_.weight("head weight", Part::Head, {a_.vocabulary, inner});
    std::vector<int> weights = {head_};
    if (a_.output_head_bias) {
      if (head_bias_ < 0) head_bias_ = b_.weight("head bias", Part::Head, {a_.vocabulary});
      weights.push_back(head_bias_);
    }
    const int logits = b_.activation(prefix + "logits", rows, a_.vocabulary);
    b_.op(prefix + "head", Part::Head, MatMul{rows, a_.vocabulary, inner, a_.output_head_bias, Split::Vocabulary}, {x},
          std::move(weights), {logits}, {x});
    if (!step_.training) return;
    const int targets = b_.tensor(prefix + "targets", TensorKind::TokenIds, Part::Loss, {rows});
    const int loss = b_.tensor(prefix + "loss", TensorKind::Statistic, Part::Loss, {1});
    b_.op(prefix + "loss", Part::Loss, CrossEntropy{rows, a_.vocabulary}, {logits, targets}, {}, {loss}, {logits});
  }

  // Prediction layers share the last norm and the output projection with the model.
  int final_norm(int x, const std::string& prefix) {
    const std::int64_t rows = b_.rows_of(x), d = a_.width;
    if (final_norm_.empty()) {
      if (a_.norm.scale) final_norm_.push_back(b_.weight("final norm scale", Part::Norm, {d}));
      if (a_.norm.bias) final_norm_.push_back(b_.weight("final norm bias", Part::Norm, {d}));
    }
    const int y = b_.activation(prefix + "final norm", rows, d);
    b_.op(prefix + "final norm", Part::Norm, Normalise{rows, 1, d, a_.norm, d}, {x}, final_norm_, {y}, {x});
    return y;
  }

  int projected_out(int x, const std::string& prefix) {
    const std::int64_t rows = b_.rows_of(x), d = a_.width, inner = a_.embedding_width;
    if (head_projection_ < 0) head_projection_ = b_.weight("head projection weight", Part::Embedding, {inner, d});
    const int y = b_.activation(prefix + "head projection", rows, inner);
    b_.op(prefix + "head projection", Part::Embedding, MatMul{rows, inner, d, false, Split::None}, {x},
          {head_projection_}, {y}, {x});
    return y;
  }

  // At inference the prediction layers are only carried along: their weights exist, no operation uses them.
  void weights_only(const Layer& layer, int index) {
    Builder aside(a_, step_);
    const std::int64_t rows = step_.tokens(), d = a_.width;
    const int hidden = aside.activation("hidden", rows, d);
    prediction(aside, hidden, hidden, layer, index);
    for (Tensor& t : aside.program.tensors)
      if (t.kind == TensorKind::Weight) b_.program.tensors.push_back(std::move(t));
  }

  const Architecture& a_;
  const Step& step_;
  Builder b_;
  int table_ = -1, head_ = -1, head_bias_ = -1, head_projection_ = -1;
  std::vector<int> final_norm_;
};

}  // namespace
}  // namespace wiring

namespace {

void check_step(const Step& step) {
  if (step.segments.empty()) throw Error(Fault::BadInput, "step: no segments; expected at least one");
  for (const Segment& s : step.segments) {
    if (s.sequences < 1 || s.new_tokens < 1 || s.context < 0 || s.logit_positions < 0)
      throw Error(Fault::BadInput,
                  fmt::format("step: segment of {} sequences, {} new tokens after {}, {} logits; expected at "
                              "least 1, 1, 0 and 0",
                              s.sequences, s.new_tokens, s.context, s.logit_positions));
    if (step.training && s.context != 0) throw Error(Fault::BadInput, "step: a training step has no cached tokens");
  }
}

}  // namespace

Program forward(const Architecture& architecture, const Step& step, LayerListing listing) {
  check(architecture);
  check_step(step);
  return wiring::WholeModel(architecture, step, listing).take();
}

Program prediction_pass(const Architecture& architecture, const Step& step) {
  check(architecture);
  check_step(step);
  if (architecture.prediction_layers.empty())
    throw Error(Fault::Usage, architecture.name + " has no layer that predicts further tokens");
  return wiring::WholeModel(architecture, step).take();
}

std::int64_t Tensor::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t n : shape) product *= n;
  return product;
}

double AttentionCore::pairs() const {
  double sum = 0;
  for (const Segment& s : segments)
    sum +=
        static_cast<double>(s.sequences) * attention_pairs(s.new_tokens, s.context, window, sink_tokens, chunk, causal);
  return sum;
}
double AttentionCore::keys_read() const {
  double sum = 0;
  for (const Segment& s : segments)
    sum += static_cast<double>(s.sequences) *
           attention_keys_read(s.new_tokens, s.context, window, sink_tokens, chunk, causal);
  return sum;
}
std::int64_t AttentionCore::rows() const {
  std::int64_t sum = 0;
  for (const Segment& s : segments) sum += s.sequences * s.new_tokens;
  return sum;
}

std::string_view name_of(Part part) {
  switch (part) {
    case Part::Embedding: return "embedding";
    case Part::Position: return "position";
    case Part::Attention: return "attention";
    case Part::Mlp: return "mlp";
    case Part::Expert: return "expert";
    case Part::SharedExpert: return "shared_expert";
    case Part::Router: return "router";
    case Part::Norm: return "norm";
    case Part::Head: return "head";
    case Part::Prediction: return "prediction";
    case Part::Residual: return "residual";
    case Part::Loss: return "loss";
  }
  return "";
}

std::string_view kind_name(const Op& op) {
  static constexpr std::string_view names[] = {
      "lookup",      "matmul",      "head_matmul",  "grouped_matmul", "norm",  "rotate",   "cache_write",
      "attention",   "activation",  "add",          "gate_scale",     "route", "dispatch", "combine",
      "select_rows", "concatenate", "cross_entropy"};
  static_assert(std::size(names) == std::variant_size_v<OpDetail>);
  return names[op.detail.index()];
}

}  // namespace isoflop
