#include "isoflop/report/value.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "isoflop/error.h"

namespace isoflop {
namespace {

using Json = nlohmann::ordered_json;

const char* kind_of(const Value& value) {
  if (value.is_null()) return "null";
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_number()) return "a number";
  if (value.is_text()) return "a text";
  return "true or false";
}

template <typename T>
const T& as(const Value& value, const char* wanted) {
  if (const T* found = std::get_if<T>(&value.content())) return *found;
  throw Error(Fault::BadInput, std::string("JSON: expected ") + wanted + ", found " + kind_of(value));
}

Json to_library(const Value& value) {
  struct Visitor {
    Json operator()(std::monostate) const { return nullptr; }
    Json operator()(bool truth) const { return truth; }
    Json operator()(std::int64_t whole) const { return whole; }
    Json operator()(double number) const { return std::isfinite(number) ? Json(number) : Json(nullptr); }
    Json operator()(const std::string& text) const { return text; }
    Json operator()(const Value::Array& items) const {
      Json list = Json::array();
      for (const auto& item : items) list.push_back(to_library(item));
      return list;
    }
    Json operator()(const Value::Object& members) const {
      Json object = Json::object();
      for (const auto& [key, member] : members) object[key] = to_library(member);
      return object;
    }
  };
  return std::visit(Visitor{}, value.content());
}

/// Builds a Value from the events of the parser, so that memory and time stay proportional to the text whatever it
/// holds.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Value take() { return std::move(root_); }

  bool null() override { return put(Value()); }
  bool boolean(bool truth) override { return put(Value(truth)); }
  bool number_integer(number_integer_t number) override { return put(Value(number)); }
  bool number_unsigned(number_unsigned_t number) override {
    return put(number <= static_cast<number_unsigned_t>(INT64_MAX) ? Value(static_cast<std::int64_t>(number))
                                                                   : Value(static_cast<double>(number)));
  }
  bool number_float(number_float_t number, const string_t&) override { return put(Value(number)); }
  bool string(string_t& text) override { return put(Value(std::move(text))); }
  bool binary(binary_t&) override { return put(Value()); }
  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool key(string_t& name) override {
    open_.back().members.emplace_back(std::move(name), Value());
    return true;
  }
  bool end_object() override {
    Value::Object members = std::move(open_.back().members);
    open_.pop_back();
    keep_last_of_equal(members);
    return put(Value(std::move(members)));
  }
  bool end_array() override {
    Value::Array items = std::move(open_.back().items);
    open_.pop_back();
    return put(Value(std::move(items)));
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& problem) override {
    position_ = position;
    problem_ = problem.what();
    return false;
  }

  std::size_t position_ = 0;  ///< of the error, from 1; 0 when the parser does not say
  std::string problem_;

 private:
  struct Open {
    bool is_array;
    Value::Array items;
    Value::Object members;
  };
  bool open(bool is_array) {
    open_.push_back({is_array, {}, {}});
    return true;
  }
  bool put(Value value) {
    if (open_.empty()) root_ = std::move(value);
    else if (open_.back().is_array) open_.back().items.push_back(std::move(value));
    else open_.back().members.back().second = std::move(value);
    return true;
  }
  // A name given twice keeps its first place and its last value, as JavaScript reads it.
  static void keep_last_of_equal(Value::Object& members) {
    std::unordered_map<std::string_view, std::size_t> first;
    std::vector<std::pair<std::size_t, std::size_t>> replaced;
    for (std::size_t i = 0; i < members.size(); ++i)
      if (const auto [found, is_new] = first.emplace(members[i].first, i); !is_new)
        replaced.emplace_back(found->second, i);
    if (replaced.empty()) return;
    std::vector<bool> gone(members.size());
    for (const auto& [to, from] : replaced) members[to].second = std::move(members[from].second), gone[from] = true;
    Value::Object kept;
    for (std::size_t i = 0; i < members.size(); ++i)
      if (!gone[i]) kept.push_back(std::move(members[i]));
    members = std::move(kept);
  }

  Value root_;
  std::vector<Open> open_;
};

void refuse_deep_nesting(std::string_view text, const std::string& name) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted) {
      if (text[i] == '\\') ++i;
      else if (text[i] == '"') quoted = false;
    } else if (text[i] == '"') {
      quoted = true;
    } else if (text[i] == '[' || text[i] == '{') {
      if (++depth > 200) throw Error(Fault::BadInput, name + ": JSON is nested more than 200 deep");
    } else if (text[i] == ']' || text[i] == '}') {
      --depth;
    }
  }
}

}  // namespace

Value::Value(const Estimate& estimate)
    : Value(object({{"low", estimate.low}, {"central", estimate.central}, {"high", estimate.high}})) {}

Value::Value(const FittedValue& fitted)
    : Value(object({{"estimate", fitted.estimate}, {"se", fitted.se}, {"low", fitted.low}, {"high", fitted.high}})) {}

Value& Value::operator[](std::string_view key) {
  if (is_null()) content_ = Object{};
  auto& members = std::get<Object>(content_);
  for (auto& [name, member] : members)
    if (name == key) return member;
  members.emplace_back(std::string(key), Value());
  return members.back().second;
}

const Value* Value::find(std::string_view key) const {
  const auto* members = std::get_if<Object>(&content_);
  if (!members) return nullptr;
  const auto found = std::find_if(members->begin(), members->end(), [&](const Member& m) { return m.first == key; });
  return found == members->end() ? nullptr : &found->second;
}

const Value& Value::at(std::string_view key) const {
  if (const Value* member = find(key)) return *member;
  throw Error(Fault::BadInput, "JSON: there is no member \"" + std::string(key) + "\" in " + kind_of(*this));
}

void Value::push_back(Value item) {
  if (is_null()) content_ = Array{};
  std::get<Array>(content_).push_back(std::move(item));
}

double Value::number() const {
  if (const auto* whole = std::get_if<std::int64_t>(&content_)) return static_cast<double>(*whole);
  return as<double>(*this, "a number");
}
const std::string& Value::text() const { return as<std::string>(*this, "a text"); }
bool Value::truth() const { return as<bool>(*this, "true or false"); }
const Value::Array& Value::items() const { return as<Array>(*this, "a list"); }
const Value::Object& Value::members() const { return as<Object>(*this, "an object"); }

std::string to_json(const Value& value, int indent) {
  return to_library(value).dump(indent, ' ', false, Json::error_handler_t::replace);
}

Value parse_json(std::string_view text, const std::string& name) {
  refuse_deep_nesting(text, name);
  Builder builder;
  if (Json::sax_parse(text, &builder)) return builder.take();
  const std::size_t at = std::min(builder.position_ == 0 ? std::size_t{0} : builder.position_ - 1, text.size());
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  const auto line_start = text.rfind('\n', at == 0 ? 0 : at - 1);
  const std::size_t column = at - (line_start == std::string_view::npos || at == 0 ? 0 : line_start + 1) + 1;
  std::string what = builder.problem_;
  if (const auto colon = what.find("column "); colon != std::string::npos)
    if (const auto after = what.find(": ", colon); after != std::string::npos) what = what.substr(after + 2);
  throw Error(Fault::BadInput,
              name + ":" + std::to_string(line) + ":" + std::to_string(column) + ": not JSON: " + what);
}

}  // namespace isoflop
