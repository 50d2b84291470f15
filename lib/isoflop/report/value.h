// A tree of results: null, truth, number, text, list, or named members in order. What JSON output is made of.
#pragma once
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "isoflop/estimate.h"

namespace isoflop {

class Value {
 public:
  using Array = std::vector<Value>;
  using Member = std::pair<std::string, Value>;
  using Object = std::vector<Member>;

  Value() = default;
  Value(std::nullptr_t) {}
  Value(bool truth) : content_(truth) {}
  Value(double number) : content_(number) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Value(T whole) : content_(static_cast<std::int64_t>(whole)) {}
  Value(std::string text) : content_(std::move(text)) {}
  Value(std::string_view text) : content_(std::string(text)) {}
  Value(const char* text) : content_(std::string(text)) {}
  Value(Array items) : content_(std::move(items)) {}
  Value(Object members) : content_(std::move(members)) {}
  template <typename T>
  Value(const std::optional<T>& maybe) {
    if (maybe) *this = Value(*maybe);
  }
  template <typename T>
    requires(!std::same_as<T, Value> && !std::same_as<T, Member>)
  Value(const std::vector<T>& items) {
    Array array;
    for (const T& item : items) array.emplace_back(item);
    content_ = std::move(array);
  }
  /// {"low", "central", "high"}
  Value(const Estimate& estimate);
  /// {"estimate", "se", "low", "high"}
  Value(const FittedValue& fitted);
  /// Members in this order.
  static Value object(std::initializer_list<Member> members = {}) { return Value(Object(members)); }
  static Value array(std::initializer_list<Value> items = {}) { return Value(Array(items)); }  ///< Items in this order.

  /// Member of that name, made when absent; a null becomes an object first. Not for other kinds.
  Value& operator[](std::string_view key);
  const Value* find(std::string_view key) const;  ///< nothing for a missing member or a value that is no object
  const Value& at(std::string_view key) const;    ///< throws Error (BadInput) naming the missing member
  void push_back(Value item);                     ///< a null becomes an array first

  bool is_null() const { return std::holds_alternative<std::monostate>(content_); }
  bool is_object() const { return std::holds_alternative<Object>(content_); }
  bool is_array() const { return std::holds_alternative<Array>(content_); }
  bool is_number() const {
    return std::holds_alternative<double>(content_) || std::holds_alternative<std::int64_t>(content_);
  }
  bool is_text() const { return std::holds_alternative<std::string>(content_); }
  bool is_truth() const { return std::holds_alternative<bool>(content_); }

  /// These throw Error (BadInput) when the value is of another kind.
  double number() const;
  const std::string& text() const;
  bool truth() const;
  const Array& items() const;
  const Object& members() const;

  using Content = std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object>;
  const Content& content() const { return content_; }

 private:
  Content content_;
};

/// UTF-8 JSON; numbers print the shortest text that reads back the same, NaN and infinities print null.
/// indent < 0: one line.
std::string to_json(const Value& value, int indent = 2);

/// Throws Error (BadInput) `name:line:column: ...`. Nesting deeper than 200 is refused.
Value parse_json(std::string_view text, const std::string& name);

}  // namespace isoflop
