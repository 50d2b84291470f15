#include "isoflop/model/architecture_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "isoflop/error.h"

namespace isoflop {
namespace {

template <typename Enum, std::size_t Count>
using Words = std::array<std::pair<Enum, const char*>, Count>;

constexpr Words<NormKind, 2> norm_kinds = {{{NormKind::LayerNorm, "layer_norm"}, {NormKind::RmsNorm, "rms_norm"}}};
constexpr Words<QkNorm, 4> qk_norms = {{{QkNorm::None, "none"},
                                        {QkNorm::PerHeadDimension, "per_head_dimension"},
                                        {QkNorm::WholeProjection, "whole_projection"},
                                        {QkNorm::EachHead, "each_head"}}};
constexpr Words<Activation, 5> activations = {{{Activation::Silu, "silu"},
                                               {Activation::Gelu, "gelu"},
                                               {Activation::Relu, "relu"},
                                               {Activation::SquaredRelu, "squared_relu"},
                                               {Activation::Xielu, "xielu"}}};
constexpr Words<RouterScore, 2> router_scores = {
    {{RouterScore::Softmax, "softmax"}, {RouterScore::Sigmoid, "sigmoid"}}};
constexpr Words<Wiring, 5> wirings = {{{Wiring::PreNorm, "pre_norm"},
                                       {Wiring::PostNorm, "post_norm"},
                                       {Wiring::Sandwich, "sandwich"},
                                       {Wiring::Parallel, "parallel"},
                                       {Wiring::DenseHybrid, "dense_hybrid"}}};

// Writes a described object, leaving defaults out.
class Writer {
 public:
  void number(const char* key, const std::int64_t& value) { if (value != 0) result_[key] = value; }
  void truth(const char* key, const bool& value, bool absent = false) { if (value != absent) result_[key] = value; }
  void text(const char* key, const std::string& value) { if (!value.empty()) result_[key] = value; }
  template <typename Enum, std::size_t N>
  void word(const char* key, const Enum& value, const Words<Enum, N>& words, Enum absent) {
    for (const auto& [each, name] : words)
      if (each == value && value != absent) result_[key] = name;
  }
  template <typename Part, typename Describe>
  void part(const char* key, const std::optional<Part>& value, const Describe& describe) {
    if (!value) return;
    Writer inner;
    describe(inner, *value);
    result_[key] = inner.result();
  }
  template <typename Part, typename Describe>
  void object(const char* key, const Part& value, const Describe& describe) {
    Writer inner;
    describe(inner, value);
    result_[key] = inner.result();
  }
  Value result() const { return result_; }

 private:
  Value result_ = Value::object();
};

// Reads the same description; every member of the input must be asked for.
class Reader {
 public:
  Reader(const Value& value, std::string place) : value_(value), place_(std::move(place)) {
    if (!value.is_object()) reject("expected an object");
  }
  void number(const char* key, std::int64_t& member) {
    if (const Value* v = take(key)) {
      if (!v->is_number() || v->number() != std::floor(v->number()) || std::fabs(v->number()) > 9e15)
        reject(fmt::format("\"{}\" is not a whole number", key));
      member = static_cast<std::int64_t>(v->number());
    }
  }
  void truth(const char* key, bool& member, bool absent = false) {
    member = absent;
    if (const Value* v = take(key)) {
      if (!v->is_truth()) reject(fmt::format("\"{}\" is neither true nor false", key));
      member = v->truth();
    }
  }
  void text(const char* key, std::string& member) {
    if (const Value* v = take(key)) member = v->text();
  }
  template <typename Enum, std::size_t N>
  void word(const char* key, Enum& member, const Words<Enum, N>& words, Enum absent) {
    member = absent;
    const Value* v = take(key);
    if (!v) return;
    for (const auto& [each, name] : words)
      if (v->is_text() && v->text() == name) {
        member = each;
        return;
      }
    std::string known;
    for (const auto& [each, name] : words) known += (known.empty() ? "" : ", ") + std::string(name);
    reject(fmt::format("\"{}\" is none of {}", key, known));
  }
  template <typename Part, typename Describe>
  void part(const char* key, std::optional<Part>& member, const Describe& describe) {
    if (const Value* v = take(key)) {
      Reader inner(*v, place_ + "." + key);
      describe(inner, member.emplace());
      inner.finish();
    }
  }
  template <typename Part, typename Describe>
  void object(const char* key, Part& member, const Describe& describe) {
    if (const Value* v = take(key)) {
      Reader inner(*v, place_ + "." + key);
      describe(inner, member);
      inner.finish();
    }
  }
  const Value* take(const std::string& key) {
    taken_.push_back(key);
    const Value* v = value_.find(key);
    return v && !v->is_null() ? v : nullptr;
  }
  void finish() const {
    for (const auto& [key, unused] : value_.members())
      if (std::find(taken_.begin(), taken_.end(), key) == taken_.end())
        throw unknown_name("member of " + place_, key, taken_, Fault::BadInput);
  }
  [[noreturn]] void reject(const std::string& problem) const { throw Error(Fault::BadInput, place_ + ": " + problem); }

 private:
  const Value& value_;
  std::string place_;
  std::vector<std::string> taken_;
};

// One description of the members serves both directions.
template <typename Visitor, typename T>
void describe_norm(Visitor& v, T& n) {
  v.word("kind", n.kind, norm_kinds, NormKind::RmsNorm);
  v.truth("scale", n.scale, true);
  v.truth("bias", n.bias);
}

template <typename Visitor, typename T>
void describe_mlp(Visitor& v, T& m) {
  v.number("width", m.width);
  v.truth("gated", m.gated, true);
  v.word("activation", m.activation, activations, Activation::Silu);
  v.truth("bias", m.bias);
}

constexpr auto mlp_members = [](auto& v, auto& m) { describe_mlp(v, m); };

template <typename Visitor, typename T>
void describe_attention(Visitor& v, T& a) {
  v.number("heads", a.heads);
  v.number("kv_heads", a.kv_heads);
  v.number("head_dim", a.head_dim);
  v.number("rotary_dims", a.rotary_dims);
  v.number("window", a.window);
  v.number("chunk", a.chunk);
  v.number("sink_tokens", a.sink_tokens);
  v.truth("learned_sinks", a.learned_sinks);
  v.truth("alibi", a.alibi);
  v.truth("qkv_bias", a.qkv_bias);
  v.truth("output_bias", a.output_bias);
  v.word("qk_norm", a.qk_norm, qk_norms, QkNorm::None);
  v.part("latent", a.latent, [](auto& w, auto& m) {
    w.number("query_rank", m.query_rank);
    w.number("kv_rank", m.kv_rank);
    w.number("nope_dim", m.nope_dim);
    w.number("rope_dim", m.rope_dim);
    w.number("value_dim", m.value_dim);
  });
  v.part("query_experts", a.query_experts, [](auto& w, auto& m) {
    w.number("experts", m.experts);
    w.number("per_token", m.per_token);
  });
}

template <typename Visitor, typename T>
void describe_experts(Visitor& v, T& m) {
  v.number("experts", m.experts);
  v.number("per_token", m.per_token);
  v.object("expert", m.expert, mlp_members);
  v.number("shared_width", m.shared_width);
  v.truth("shared_gate", m.shared_gate);
  v.truth("router_bias", m.router_bias);
  v.truth("output_bias", m.output_bias);
  v.word("score", m.score, router_scores, RouterScore::Softmax);
}

template <typename Visitor, typename T>
void describe_layer(Visitor& v, T& layer) {
  v.object("attention", layer.attention, [](auto& w, auto& a) { describe_attention(w, a); });
  v.part("mlp", layer.mlp, mlp_members);
  v.part("experts", layer.experts, [](auto& w, auto& m) { describe_experts(w, m); });
  v.word("wiring", layer.wiring, wirings, Wiring::PreNorm);
}

template <typename Visitor, typename T>
void describe_architecture(Visitor& v, T& a) {
  v.text("name", a.name);
  v.number("width", a.width);
  v.number("vocabulary", a.vocabulary);
  v.number("embedding_width", a.embedding_width);
  v.truth("tied_embeddings", a.tied_embeddings);
  v.truth("output_head_bias", a.output_head_bias);
  v.truth("embedding_norm", a.embedding_norm);
  v.number("learned_positions", a.learned_positions);
  v.truth("final_norm", a.final_norm, true);
  v.object("norm", a.norm, [](auto& w, auto& n) { describe_norm(w, n); });
  v.number("context_tokens", a.context_tokens);
}

Value layer_runs(const std::vector<Layer>& layers) {
  Value result = Value::array();
  for (std::size_t i = 0; i < layers.size();) {
    std::size_t next = i + 1;
    while (next < layers.size() && layers[next] == layers[i]) ++next;
    Writer writer;
    const std::int64_t count = static_cast<std::int64_t>(next - i);
    writer.number("count", count);
    describe_layer(writer, layers[i]);
    result.push_back(writer.result());
    i = next;
  }
  return result;
}

std::vector<Layer> read_runs(const Value& value, const std::string& place) {
  if (!value.is_array()) throw Error(Fault::BadInput, place + ": expected a list of layers");
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    Reader reader(value.items()[i], fmt::format("{}[{}]", place, i));
    std::int64_t count = 1;
    reader.number("count", count);
    if (count < 1 || count > 10000) reader.reject(fmt::format("\"count\" is {}; expected between 1 and 10000", count));
    Layer layer;
    describe_layer(reader, layer);
    reader.finish();
    layers.insert(layers.end(), static_cast<std::size_t>(count), layer);
    if (layers.size() > 10000) reader.reject("more than 10000 layers");
  }
  return layers;
}

}  // namespace

Value to_value(const Architecture& architecture) {
  Writer writer;
  describe_architecture(writer, architecture);
  Value value = writer.result();
  value["layers"] = layer_runs(architecture.layers);
  if (!architecture.prediction_layers.empty()) value["prediction_layers"] = layer_runs(architecture.prediction_layers);
  if (!architecture.notes.empty()) value["notes"] = architecture.notes;
  return value;
}

Architecture architecture_from(const Value& value, const std::string& file) {
  Architecture a;
  Reader reader(value, file);
  describe_architecture(reader, a);
  const Value* layers = reader.take("layers");
  if (!layers) reader.reject("\"layers\" is missing; expected a list");
  a.layers = read_runs(*layers, file + ".layers");
  if (const Value* ahead = reader.take("prediction_layers"))
    a.prediction_layers = read_runs(*ahead, file + ".prediction_layers");
  if (const Value* notes = reader.take("notes"))
    for (const Value& note : notes->items()) a.notes.push_back(note.text());
  reader.finish();
  if (a.name.empty()) a.name = file;
  check(a);
  return a;
}

}  // namespace isoflop
