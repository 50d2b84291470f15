// Reading fields of a config.json with errors that name file and field. Internal to the importer.
#pragma once
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/error.h"
#include "isoflop/report/value.h"

namespace isoflop {

class HfFields {
 public:
  HfFields(const Value& object, std::string place) : object_(object), place_(std::move(place)) {
    if (!object.is_object()) reject("is not a JSON object");
  }

  const std::string& place() const { return place_; }
  [[noreturn]] void reject(const std::string& problem) const { throw Error(Fault::BadInput, place_ + ": " + problem); }

  /// The first of the spellings that is there and not null.
  const Value* find(const std::vector<std::string>& names) const {
    for (const std::string& name : names)
      if (const Value* value = object_.find(name); value && !value->is_null()) return value;
    return nullptr;
  }
  std::optional<std::int64_t> maybe_whole(const std::vector<std::string>& names) const {
    const Value* value = find(names);
    if (!value) return std::nullopt;
    return whole_of(*value, names.front());
  }
  std::int64_t whole(const std::vector<std::string>& names) const {
    const auto value = maybe_whole(names);
    if (!value) reject(fmt::format("field \"{}\" is missing; expected a whole number", names.front()));
    return *value;
  }
  std::int64_t whole_or(const std::vector<std::string>& names, std::int64_t absent) const {
    return maybe_whole(names).value_or(absent);
  }
  double number_or(const std::string& name, double absent) const {
    const Value* value = find({name});
    if (!value) return absent;
    if (!value->is_number()) reject(fmt::format("field \"{}\" is not a number", name));
    return value->number();
  }
  bool truth_or(const std::vector<std::string>& names, bool absent) const {
    const Value* value = find(names);
    if (!value) return absent;
    if (!value->is_truth()) reject(fmt::format("field \"{}\" is neither true nor false", names.front()));
    return value->truth();
  }
  std::string text_or(const std::string& name, const std::string& absent) const {
    const Value* value = find({name});
    if (!value) return absent;
    if (!value->is_text()) reject(fmt::format("field \"{}\" is not a text", name));
    return value->text();
  }
  /// A list of whole numbers; empty when absent.
  std::vector<std::int64_t> wholes(const std::string& name) const {
    const Value* value = find({name});
    if (!value) return {};
    if (!value->is_array()) reject(fmt::format("field \"{}\" is not a list", name));
    std::vector<std::int64_t> result;
    for (const Value& item : value->items()) result.push_back(whole_of(item, name));
    return result;
  }
  HfFields inner(const std::string& name) const {
    const Value* value = find({name});
    if (!value) reject(fmt::format("field \"{}\" is missing; expected an object", name));
    return HfFields(*value, place_ + ": " + name);
  }

 private:
  std::int64_t whole_of(const Value& value, const std::string& name) const {
    if (!value.is_number() || value.number() != std::floor(value.number()) || std::fabs(value.number()) > 9e15)
      reject(fmt::format("field \"{}\" is not a whole number", name));
    return static_cast<std::int64_t>(value.number());
  }

  const Value& object_;
  std::string place_;
};

}  // namespace isoflop
