#include "isoflop/report/value.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

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

Value from_library(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean: return Value(json.get<bool>());
    case Json::value_t::number_integer: return Value(json.get<std::int64_t>());
    case Json::value_t::number_unsigned: {
      const auto whole = json.get<std::uint64_t>();
      if (whole <= static_cast<std::uint64_t>(INT64_MAX)) return Value(static_cast<std::int64_t>(whole));
      return Value(static_cast<double>(whole));
    }
    case Json::value_t::number_float: return Value(json.get<double>());
    case Json::value_t::string: return Value(json.get<std::string>());
    case Json::value_t::array: {
      Value::Array items;
      for (const auto& item : json) items.push_back(from_library(item));
      return Value(std::move(items));
    }
    case Json::value_t::object: {
      Value::Object members;
      for (const auto& [key, member] : json.items()) members.emplace_back(key, from_library(member));
      return Value(std::move(members));
    }
    default: return Value();
  }
}

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
  try {
    return from_library(Json::parse(text));
  } catch (const Json::parse_error& problem) {
    const std::size_t at = std::min(problem.byte == 0 ? std::size_t{0} : problem.byte - 1, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    const auto line_start = text.rfind('\n', at == 0 ? 0 : at - 1);
    const std::size_t column = at - (line_start == std::string_view::npos || at == 0 ? 0 : line_start + 1) + 1;
    std::string what = problem.what();
    if (const auto colon = what.find("column "); colon != std::string::npos)
      if (const auto after = what.find(": ", colon); after != std::string::npos) what = what.substr(after + 2);
    throw Error(Fault::BadInput, name + ":" + std::to_string(line) + ":" + std::to_string(column) + ": not JSON: " + what);
  } catch (const Json::exception& problem) {
    throw Error(Fault::BadInput, name + ": not JSON: " + problem.what());
  }
}

}  // namespace isoflop
