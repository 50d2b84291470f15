// From a command line to a report: the one place that knows CLI11.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "apps/command.h"
#include "apps/shell/cli11_options.h"
#include "apps/shell/global_options.h"
#include "apps/shell/option_listing.h"
#include "apps/shell/outputs.h"
#include "apps/shell/request.h"
#include "build_facts.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

std::string examples_block(const Command& command) {
  std::string text = command.summary() + "\n\nExamples:\n", line;
  for (char c : command.examples() + "\n") {
    if (c != '\n') line += c;
    else if (!line.empty()) {
      text += "  " + line + "\n";
      line.clear();
    }
  }
  return text;
}

// The application that stands for "models list" is the child "list" of the child "models" of the root.
CLI::App* nested_app(CLI::App& root, const std::string& name, const std::string& description,
                     std::map<std::string, CLI::App*>& made) {
  const auto blank = name.rfind(' ');
  CLI::App* parent = &root;
  if (blank != std::string::npos) {
    const std::string outer = name.substr(0, blank);
    const auto found = made.find(outer);
    parent = found != made.end() ? found->second : (made[outer] = nested_app(root, outer, "", made));
    // A parent that is itself a command stays callable alone.
  }
  CLI::App* app = parent->add_subcommand(name.substr(blank == std::string::npos ? 0 : blank + 1), description);
  app->fallthrough();
  made[name] = app;
  return app;
}

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> result;
  std::string word;
  for (char c : text + " ") {
    if (c != ' ') word += c;
    else if (!word.empty()) result.push_back(std::move(word)), word.clear();
  }
  return result;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// "models" -> "list, show, import", from the names of the commands inside.
std::map<std::string, std::string> group_descriptions(const std::vector<std::unique_ptr<Command>>& commands) {
  std::map<std::string, std::string> names;
  for (const auto& command : commands) {
    const auto path = words(command->name());
    if (path.size() > 1) names[path[0]] += (names[path[0]].empty() ? "" : ", ") + path[1];
  }
  return names;
}

// CLI11 answers a mistyped command with "a subcommand is required"; people want to know which one was meant.
void refuse_unknown_command(const std::vector<std::string>& arguments,
                            const std::vector<std::unique_ptr<Command>>& commands) {
  std::vector<std::string> path;
  std::vector<std::string> level;
  const auto global = listed_global_options();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.empty() && argument[0] == '-') {
      if (!path.empty()) return;
      for (const auto& option : global)
        if (!option.value.empty() &&
            std::find(option.names.begin(), option.names.end(), argument) != option.names.end())
          ++i;
      continue;
    }
    level.clear();
    bool is_command = false;
    for (const auto& command : commands) {
      const auto name = words(command->name());
      if (name.size() > path.size() && std::equal(path.begin(), path.end(), name.begin())) {
        if (std::find(level.begin(), level.end(), name[path.size()]) == level.end()) level.push_back(name[path.size()]);
      } else if (name == path) {
        is_command = true;
      }
    }
    if (level.empty()) return;
    if (std::find(level.begin(), level.end(), argument) == level.end()) {
      if (is_command) return;
      std::string prefix;
      for (const auto& word : path) prefix += word + " ";
      const Error unknown = unknown_name("command", prefix + argument, [&] {
        std::vector<std::string> full;
        for (const auto& word : level) full.push_back(prefix + word);
        return full;
      }());
      throw Error(Fault::Usage, std::string(unknown.what()) + " (isoflop --help lists all)");
    }
    path.push_back(argument);
  }
}

// `manual laws fit` asks for one page; as separate words the last could be taken for the command `fit` itself.
std::vector<std::string> with_manual_topic_joined(std::vector<std::string> arguments) {
  if (arguments.empty() || arguments[0] != "manual") return arguments;
  while (arguments.size() > 2 && !arguments[1].empty() && arguments[1][0] != '-' && !arguments[2].empty() &&
         arguments[2][0] != '-') {
    arguments[1] += " " + arguments[2];
    arguments.erase(arguments.begin() + 2);
  }
  return arguments;
}

std::string version_text() {
  return fmt::format("isoflop {} (git {}, {}, {})\n", ISOFLOP_VERSION, ISOFLOP_GIT, ISOFLOP_COMPILER,
                     ISOFLOP_BUILD_TYPE);
}

class TerminalProgress {
 public:
  explicit TerminalProgress(bool shown) : shown_(shown) {}
  ~TerminalProgress() {
    if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
  }
  void operator()(double fraction, const std::string& what) {
    const auto now = std::chrono::steady_clock::now();
    if (!shown_ || now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    drawn_ = true;
    std::cerr << fmt::format("\r\x1b[K{:3.0f} %  {}", 100 * fraction, what) << std::flush;
  }

 private:
  bool shown_, drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

int report_failure(std::ostream& err, const std::string& message, int code, const std::string& help_of = {}) {
  err << "isoflop: " << message << "\n";
  if (!help_of.empty()) err << "Try: isoflop" << (help_of.empty() ? "" : " " + help_of) << " --help\n";
  return code;
}

// CLI11's texts name the option; ours come through BadValue and are complete. A mistyped option gets its likely name.
std::string usage_message(const CLI::ParseError& problem, const CLI::App& root, const CLI::App& command) {
  if (!dynamic_cast<const CLI::ExtrasError*>(&problem)) return problem.what();
  std::string unexpected;
  for (const std::string& word : root.remaining(true)) {
    if (word.size() > 1 && word[0] == '-') {
      std::vector<std::string> names;
      for (const CLI::App* app : {&command, &root})
        for (const CLI::Option* option : app->get_options())
          for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
      return unknown_name("option", word.substr(0, word.find('=')), names).what();
    }
    if (unexpected.empty()) unexpected = word;
  }
  return "unexpected argument \"" + unexpected + "\"";
}

}  // namespace

ToolFacts tool_facts() { return {ISOFLOP_VERSION, ISOFLOP_GIT, ISOFLOP_COMPILER}; }

Report run_command(const std::vector<std::string>& arguments, const Settings& settings) {
  const auto commands = all_commands();
  const Command* longest = nullptr;
  Command* chosen = nullptr;
  for (const auto& command : commands) {
    const auto name = words(command->name());
    if (name.size() <= arguments.size() && std::equal(name.begin(), name.end(), arguments.begin()) &&
        (!longest || name.size() > words(longest->name()).size()))
      longest = chosen = command.get();
  }
  if (!chosen)
    throw Error(Fault::Usage,
                "no command \"" + (arguments.empty() ? std::string() : arguments[0]) + "\" (isoflop --help lists all)");
  CLI::App app;
  Cli11Options options(app);
  chosen->declare(options);
  std::vector<std::string> reversed(arguments.rbegin(),
                                    arguments.rend() - static_cast<std::ptrdiff_t>(words(chosen->name()).size()));
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& problem) {
    throw Error(Fault::Usage, chosen->name() + ": " + usage_message(problem, app, app));
  }
  Report report = chosen->run(settings);
  if (report.command.empty()) report.command = chosen->name();
  return report;
}

int run(const std::vector<std::string>& given, std::ostream& out, std::ostream& err) {
  std::string chosen_name;
  try {
    const std::vector<std::string> arguments = with_manual_topic_joined(with_input_expanded(given));
    auto commands = all_commands();
    CLI::App root("isoflop: what will it score, what will it cost, and is that result an outlier?\n\n"
                  "Examples:\n"
                  "  isoflop outliers                        which open models break the MMLU-versus-compute line\n"
                  "  isoflop fit chinchilla                  a loss law with honest intervals\n"
                  "  isoflop train llama-3-8b --on h100-sxm-80gb --count 512 --tokens 15T\n"
                  "  isoflop serve phi-3-mini --on h100-sxm-80gb\n"
                  "  isoflop COMMAND --help                  examples and options of a command",
                  "isoflop");
    root.set_help_flag("-h,--help", "help; after a command: of that command");
    GlobalOptions global;
    Cli11Options root_options(root);
    declare_global_options(root_options, global);
    if (const char* seed = std::getenv("ISOFLOP_SEED"))
      global.seed = read_whole("ISOFLOP_SEED", seed, 0, std::numeric_limits<long>::max());
    root.get_formatter()->column_width(34);
    std::map<std::string, CLI::App*> made;
    std::vector<std::pair<CLI::App*, Command*>> runnable;
    for (const auto& command : commands) {
      CLI::App* app = nested_app(root, command->name(), examples_block(*command), made);
      app->footer(
          "Options of every command: --json --csv --md -o FILE --explain --seed N -j N --data DIR -q (isoflop --help)");
      Cli11Options options(*app);
      command->declare(options);
      runnable.emplace_back(app, command.get());
    }
    bool lists_commands = arguments.empty() || arguments[0] == "-h" || arguments[0] == "--help";
    for (const auto& [group, description] : group_descriptions(commands)) {
      if (!made[group]->get_description().empty()) continue;
      made[group]->description(description);
      lists_commands = lists_commands || (!arguments.empty() && arguments[0] == group &&
                                          (arguments.size() == 1 || arguments[1] == "-h" || arguments[1] == "--help"));
    }
    // In a list of commands only the one-line summaries stand.
    if (lists_commands)
      for (const auto& [app, command] : runnable) app->description(first_line(command->summary()));
    refuse_unknown_command(arguments, commands);
    try {
      std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
      root.parse(reversed);
    } catch (const CLI::CallForHelp&) {
      CLI::App* deepest = &root;
      std::string outer;
      while (!deepest->get_subcommands().empty()) {
        outer += (outer.empty() ? "" : " ") + (deepest == &root ? std::string("isoflop") : deepest->get_name());
        deepest = deepest->get_subcommands().front();
      }
      out << deepest->help(outer);
      out.flush();
      return 0;
    } catch (const CLI::ParseError& problem) {
      CLI::App* deepest = &root;
      std::string path;
      while (!deepest->get_subcommands().empty()) {
        deepest = deepest->get_subcommands().front();
        path += (path.empty() ? "" : " ") + deepest->get_name();
      }
      return report_failure(err, usage_message(problem, root, *deepest), 2, path.empty() ? " " : path);
    }
    if (global.version) {
      out << version_text();
      return 0;
    }
    Command* chosen = nullptr;
    CLI::App* deepest = &root;
    while (!deepest->get_subcommands().empty()) deepest = deepest->get_subcommands().front();
    for (const auto& [app, command] : runnable)
      if (app == deepest) chosen = command;
    if (!chosen) {
      out << deepest->help();
      return arguments.empty() ? 0 : 2;
    }
    chosen_name = chosen->name();
    if (global.json + global.csv + global.markdown > 1)
      throw Error(Fault::Usage, "--json, --csv and --md exclude each other");
    OutputRequest request;
    request.format = global.json       ? Format::Json
                     : global.csv      ? Format::Csv
                     : global.markdown ? Format::Markdown
                                       : Format::Text;
    request.files = global.outputs;
    request.colour = global.colour;
    request.terminal_plot = global.plot;
    if (!global.plot_size.empty()) request.plot_size = parse_plot_size(global.plot_size);
    if (global.plot && request.format != Format::Text)
      throw Error(Fault::Usage,
                  "--plot draws below the text output; it excludes --json, --csv and --md (use -o FILE.svg)");
    check_outputs(request);
    Settings settings;
    settings.seed = static_cast<std::uint64_t>(global.seed);
    settings.threads = static_cast<int>(global.threads);
    settings.data = DataFolder::chosen(global.data);
    settings.explain = global.explain;
    settings.quiet = global.quiet;
    settings.theme = global.theme == "dark" ? Theme::Dark : Theme::Light;
    settings.outputs = global.outputs;
    settings.command_line = {"isoflop"};
    settings.command_line.insert(settings.command_line.end(), arguments.begin(), arguments.end());
    Report report;
    {
      TerminalProgress progress(&out == &std::cout && !global.quiet && ::isatty(STDERR_FILENO));
      settings.progress = std::ref(progress);
      report = chosen->run(settings);
    }
    if (report.command.empty()) report.command = chosen_name;
    write_outputs(report, request, settings, settings.command_line, out, err);
    return report.distrust.empty() ? 0 : 4;
  } catch (const CLI::Error& problem) {
    return report_failure(err, problem.what(), 2, chosen_name);
  } catch (const Error& problem) {
    return report_failure(err, problem.what(), static_cast<int>(problem.fault()),
                          problem.fault() == Fault::Usage ? chosen_name : "");
  } catch (const std::bad_alloc&) {
    return report_failure(err, "out of memory", 1);
  } catch (const std::exception& problem) {
    return report_failure(err, std::string("internal error: ") + problem.what(), 1);
  }
}

}  // namespace isoflop::app
