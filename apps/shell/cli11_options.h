// A command's options bound to CLI11, with our own texts for values that are refused. Included by apps/run.cc alone.
#pragma once
#include <CLI/CLI.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "apps/command.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop::app {

// CLI11's own errors carry a text and nothing else; ours pass through it unchanged inside this.
struct BadValue : CLI::ValidationError {
  explicit BadValue(const std::string& message) : CLI::ValidationError(message, CLI::ExitCodes::ValidationError) {}
};

inline std::string bound_text(double value) { return format_number(value, 6); }

inline double read_number(const std::string& name, const std::string& text, OptionSet::Range range) {
  const auto value = parse_number(text);
  if (!value) throw BadValue(name + ": \"" + text + "\" is not a number; expected one such as 7B, 1.4T or 1e24");
  if (*value < range.low || *value > range.high || (range.exclusive_low && *value == range.low))
    throw BadValue(name + ": " + text + " is out of range; expected " +
                   (range.high < 1e308 ? "a value from " + bound_text(range.low) + " to " + bound_text(range.high)
                                       : (range.exclusive_low ? "more than " : "at least ") + bound_text(range.low)));
  return *value;
}

inline long read_whole(const std::string& name, const std::string& text, long low, long high) {
  const auto value = parse_number(text);
  if (!value || *value != std::floor(*value) || std::fabs(*value) > 9e15)
    throw BadValue(name + ": \"" + text + "\" is not a whole number");
  if (*value < static_cast<double>(low) || *value > static_cast<double>(high))
    throw BadValue(name + ": " + text + " is out of range; expected " + std::to_string(low) + " to " +
                   std::to_string(high));
  return static_cast<long>(*value);
}

class Cli11Options : public OptionSet {
 public:
  explicit Cli11Options(CLI::App& app) : app_(app) {}

  void positional(const std::string& name, std::string& value, const std::string& help, bool required) override {
    app_.add_option(name, value, help)->required(required)->type_name("");
  }
  void positionals(const std::string& name, std::vector<std::string>& values, const std::string& help,
                   bool required) override {
    app_.add_option(name, values, help)->required(required)->type_name("");
  }
  void flag(const std::string& name, bool& value, const std::string& help) override {
    grouped(app_.add_flag(name, value, help));
  }
  void text(const std::string& name, std::string& value, const std::string& help) override {
    auto* option = app_.add_option(name, value, help)->type_name("TEXT");
    if (!value.empty()) option->default_str(value);
    grouped(option);
  }
  void choice(const std::string& name, std::string& value, const std::vector<std::string>& allowed,
              const std::string& help) override {
    std::string list;
    for (const auto& word : allowed) list += (list.empty() ? "" : "|") + word;
    const auto read = [&value, allowed, name, list](const std::string& text) {
      if (std::find(allowed.begin(), allowed.end(), text) == allowed.end()) {
        const auto near = nearest_names(text, allowed, 1);
        throw BadValue(name + ": \"" + text + "\" is not one of " + list +
                       (near.empty() ? "" : "; did you mean " + near[0] + "?"));
      }
      value = text;
    };
    grouped(app_.add_option_function<std::string>(name, read, help)->type_name(list)->default_str(value));
  }
  void number(const std::string& name, double& value, const std::string& help, Range range) override {
    const auto read = [&value, name, range](const std::string& text) { value = read_number(name, text, range); };
    grouped(app_.add_option_function<std::string>(name, read, help)
                ->type_name("NUMBER")
                ->default_str(format_number(value, 6)));
  }
  void number(const std::string& name, std::optional<double>& value, const std::string& help, Range range) override {
    const auto read = [&value, name, range](const std::string& text) { value = read_number(name, text, range); };
    grouped(app_.add_option_function<std::string>(name, read, help)->type_name("NUMBER"));
  }
  void whole(const std::string& name, long& value, const std::string& help, long low, long high) override {
    const auto read = [&value, name, low, high](const std::string& text) { value = read_whole(name, text, low, high); };
    grouped(app_.add_option_function<std::string>(name, read, help)
                ->type_name("COUNT")
                ->default_str(std::to_string(value)));
  }
  void whole(const std::string& name, std::optional<long>& value, const std::string& help, long low,
             long high) override {
    const auto read = [&value, name, low, high](const std::string& text) { value = read_whole(name, text, low, high); };
    grouped(app_.add_option_function<std::string>(name, read, help)->type_name("COUNT"));
  }
  void duration(const std::string& name, std::optional<double>& seconds, const std::string& help) override {
    const auto read = [&seconds, name](const std::string& text) {
      const auto value = parse_duration_s(text);
      if (!value || *value < 0)
        throw BadValue(name + ": \"" + text + "\" is not a duration; expected one such as 200ms, 1.5s or 3h");
      seconds = *value;
    };
    grouped(app_.add_option_function<std::string>(name, read, help)->type_name("DURATION"));
  }
  void list(const std::string& name, std::vector<std::string>& values, const std::string& help) override {
    grouped(app_.add_option(name, values, help)->delimiter(',')->allow_extra_args(false)->type_name("LIST"));
  }
  void files(const std::string& name, std::vector<std::string>& values, const std::string& help) override {
    grouped(app_.add_option(name, values, help)->allow_extra_args(false)->type_name("FILE"));
  }
  void group(const std::string& heading) override { heading_ = heading; }

 private:
  void grouped(CLI::Option* option) { option->group(heading_); }
  CLI::App& app_;
  std::string heading_ = "Options";
};

}  // namespace isoflop::app
