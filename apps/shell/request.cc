#include "apps/shell/request.h"

#include <algorithm>
#include <charconv>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"

namespace isoflop::app {
namespace {

std::string scalar_text(const std::string& name, const Value& value) {
  if (value.is_text()) return value.text();
  if (value.is_number()) {
    char buffer[40];
    const auto [end, problem] = std::to_chars(buffer, buffer + sizeof buffer, value.number());
    return problem == std::errc() ? std::string(buffer, end) : std::string();
  }
  throw Error(Fault::BadInput,
              "request: option \"" + name + "\" must be a text, a number, true, false or a list of those");
}

void append_positionals(const Value& values, std::vector<std::string>& arguments) {
  for (const auto& value : values.items()) arguments.push_back(scalar_text("arguments", value));
}

}  // namespace

std::vector<std::string> option_arguments(const Value& options) {
  if (!options.is_object()) throw Error(Fault::BadInput, "request: expected an object of options");
  std::vector<std::string> arguments;
  for (const auto& [key, value] : options.members()) {
    if (key == "arguments") {
      append_positionals(value, arguments);
      continue;
    }
    if (key.empty() || key[0] == '-' || key.find('=') != std::string::npos)
      throw Error(Fault::BadInput, "request: \"" + key + "\" is no option name; write it without dashes");
    std::string name = "--" + key;
    std::replace(name.begin(), name.end(), '_', '-');
    if (value.is_null() || (value.is_truth() && !value.truth())) continue;
    if (value.is_truth()) arguments.push_back(name);
    else if (value.is_array())
      for (const auto& item : value.items()) arguments.push_back(name + "=" + scalar_text(key, item));
    else arguments.push_back(name + "=" + scalar_text(key, value));
  }
  return arguments;
}

std::vector<std::string> request_arguments(const Value& request) {
  if (!request.is_object()) throw Error(Fault::BadInput, "request: expected an object with \"command\"");
  std::vector<std::string> arguments;
  const Value& command = request.at("command");
  if (command.is_array()) {
    append_positionals(command, arguments);
  } else {
    std::string word;
    for (char c : command.text() + " ") {
      if (c != ' ') word += c;
      else if (!word.empty()) arguments.push_back(std::move(word)), word.clear();
    }
  }
  if (const Value* positionals = request.find("arguments")) append_positionals(*positionals, arguments);
  if (const Value* options = request.find("options")) {
    const auto more = option_arguments(*options);
    arguments.insert(arguments.end(), more.begin(), more.end());
  }
  for (const auto& [key, value] : request.members())
    if (key != "command" && key != "arguments" && key != "options")
      throw Error(Fault::BadInput, "request: unknown member \"" + key + "\"; expected command, arguments, options");
  return arguments;
}

std::vector<std::string> with_input_expanded(const std::vector<std::string>& arguments) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string file;
    if (arguments[i] == "--input" && i + 1 < arguments.size()) file = arguments[++i];
    else if (arguments[i].rfind("--input=", 0) == 0) file = arguments[i].substr(8);
    else {
      result.push_back(arguments[i]);
      continue;
    }
    const auto more = option_arguments(parse_json(read_file(file), file == "-" ? "<stdin>" : file));
    result.insert(result.end(), more.begin(), more.end());
  }
  return result;
}

}  // namespace isoflop::app
