// A command: its options, its help, and a function from settings to a report. One file `cmd_NAME.cc` each.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/data_files.h"
#include "isoflop/report/report.h"

namespace isoflop::app {

/// Options that every command accepts.
struct Settings {
  std::uint64_t seed = 42;
  int threads = 0;             ///< 0 = all the machine has
  DataFolder data;
  bool explain = false;
  bool quiet = false;
  Theme theme = Theme::Light;
  std::vector<std::string> outputs;       ///< files asked for with -o
  std::vector<std::string> command_line;  ///< as given, with the program's name
  /// Reports the fraction done, in [0, 1]; shown on standard error when that is a terminal.
  std::function<void(double, const std::string&)> progress = [](double, const std::string&) {};
};

/// Refused outside [low, high]; `exclusive_low` refuses low itself.
struct NumberRange {
  double low = -1e308, high = 1e308;
  bool exclusive_low = false;
  static NumberRange positive() { return {0, 1e308, true}; }
  static NumberRange not_negative() { return {0, 1e308, false}; }
  static NumberRange fraction() { return {0, 1, false}; }
};

/// What a command accepts. Values bound here are filled before run() is called. All numbers read "7B" and "1e24".
/// A value bound as std::optional stays empty when the option is absent.
class OptionSet {
 public:
  virtual ~OptionSet() = default;

  virtual void positional(const std::string& name, std::string& value, const std::string& help,
                          bool required = true) = 0;
  virtual void positionals(const std::string& name, std::vector<std::string>& values, const std::string& help,
                           bool required = true) = 0;
  virtual void flag(const std::string& name, bool& value, const std::string& help) = 0;
  virtual void text(const std::string& name, std::string& value, const std::string& help) = 0;
  /// One of `allowed`; anything else is refused with "did you mean".
  virtual void choice(const std::string& name, std::string& value, const std::vector<std::string>& allowed,
                      const std::string& help) = 0;
  using Range = NumberRange;
  virtual void number(const std::string& name, double& value, const std::string& help, Range range = {}) = 0;
  virtual void number(const std::string& name, std::optional<double>& value, const std::string& help,
                      Range range = {}) = 0;
  virtual void whole(const std::string& name, long& value, const std::string& help, long low, long high) = 0;
  virtual void whole(const std::string& name, std::optional<long>& value, const std::string& help, long low,
                     long high) = 0;
  /// "200ms", "3h"; seconds.
  virtual void duration(const std::string& name, std::optional<double>& seconds, const std::string& help) = 0;
  /// May be given several times, and each may hold a comma-separated list.
  virtual void list(const std::string& name, std::vector<std::string>& values, const std::string& help) = 0;
  /// As list, but a comma is part of the name.
  virtual void files(const std::string& name, std::vector<std::string>& values, const std::string& help) = 0;
  /// Options added after this call stand under this heading in the help.
  virtual void group(const std::string& heading) = 0;
};

class Command {
 public:
  virtual ~Command() = default;
  virtual std::string name() const = 0;      ///< "outliers", or "models list" for a nested one
  virtual std::string summary() const = 0;   ///< one line
  virtual std::string examples() const = 0;  ///< opens the help; one command a line
  virtual void declare(OptionSet& options) = 0;
  virtual Report run(const Settings& settings) = 0;
};

/// Every command there is, in the order of the help.
std::vector<std::unique_ptr<Command>> all_commands();

/// What a command line without global options (such as {"fit", "chinchilla", "--tied"}) finds, for commands made of
/// others. Throws Error.
Report run_command(const std::vector<std::string>& arguments, const Settings& settings);

/// Facts about this build.
ToolFacts tool_facts();

/// Runs a command line (without the program's name) and returns the exit code. Never throws, never exits.
int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace isoflop::app
