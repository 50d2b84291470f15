#include <fmt/format.h>

#include <algorithm>

#include "apps/commands.h"
#include "apps/shell/option_listing.h"
#include "isoflop/error.h"

namespace isoflop::app {
namespace {

constexpr const char* exit_status =
    ".SH EXIT STATUS\n0 done; 1 cannot run; 2 wrong usage; 3 bad input data; 4 computed but not trustworthy (the "
    "result is printed, with the reason).\n";

std::string roff(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '-') result += "\\-";
    else if (c == '\\') result += "\\e";
    else result += c;
  }
  if (!result.empty() && (result[0] == '.' || result[0] == '\'')) result = "\\&" + result;
  return result;
}

std::string options_section(const std::vector<ListedOption>& options, const std::string& title) {
  std::string text = ".SH " + title + "\n", heading;
  for (const auto& option : options) {
    if (option.heading != heading && option.heading != "Options") text += ".SS " + roff(option.heading) + "\n";
    heading = option.heading;
    std::string names;
    for (const auto& name : option.names) names += (names.empty() ? "" : ", ") + name;
    text += ".TP\n.B " + roff(names) + (option.positional || option.value.empty() ? "" : " " + roff(option.value)) +
            "\n" + roff(option.help) + "\n";
  }
  return text;
}

std::string command_page(Command& command) {
  std::string stem = "isoflop-" + command.name();
  for (char& c : stem)
    if (c == ' ') c = '-';
  std::string page = fmt::format(
      ".TH \"{}\" 1 \"\" \"isoflop {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B isoflop {}\n", stem,
      tool_facts().version, roff(stem), roff(command.summary()), roff(command.name()));
  const auto options = listed_options(command);
  for (const auto& option : options)
    if (option.positional) page += ".I " + roff(option.value) + "\n";
  page += "[\\fIOPTIONS\\fR]\n.SH EXAMPLES\n.nf\n";
  std::string line;
  for (char c : command.examples() + "\n") {
    if (c != '\n') line += c;
    else page += roff(line) + "\n", line.clear();
  }
  page += ".fi\n" + options_section(options, "OPTIONS") +
          options_section(listed_global_options(), "OPTIONS OF EVERY COMMAND");
  return page + exit_status;
}

std::string overview_page() {
  std::string page = fmt::format(
      ".TH \"isoflop\" 1 \"\" \"isoflop {}\" \"User Commands\"\n.SH NAME\nisoflop \\- what a language model will "
      "score, what it will cost, "
      "and which results are outliers\n.SH SYNOPSIS\n.B isoflop\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.SH COMMANDS\n",
      tool_facts().version);
  for (const auto& command : all_commands()) {
    std::string stem = "isoflop-" + command->name();
    std::replace(stem.begin(), stem.end(), ' ', '-');
    page +=
        ".TP\n.B " + roff(command->name()) + "\n" + roff(command->summary()) + " See \\fB" + roff(stem) + "\\fR(1).\n";
  }
  return page + options_section(listed_global_options(), "OPTIONS OF EVERY COMMAND") + exit_status;
}

class Manual : public Command {
 public:
  std::string name() const override { return "manual"; }
  std::string summary() const override { return "manual page of a command, in the format of man(1)"; }
  std::string examples() const override {
    return "isoflop manual outliers | man -l -\n"
           "isoflop manual models show > isoflop-models-show.1\n"
           "isoflop manual isoflop                             overview of all commands";
  }
  void declare(OptionSet& options) override {
    options.positionals("command", words_, "the command's name; isoflop: an overview of all commands");
  }
  Report run(const Settings&) override {
    std::string wanted;
    for (const auto& word : words_) wanted += (wanted.empty() ? "" : " ") + word;
    std::vector<std::string> names;
    for (const auto& command : all_commands()) {
      names.push_back(command->name());
      if (command->name() != wanted) continue;
      Report report;
      report.raw_text = command_page(*command);
      report.result["page"] = *report.raw_text;
      return report;
    }
    if (wanted != "isoflop") throw unknown_name("command", wanted, names);
    Report report;
    report.raw_text = overview_page();
    report.result["page"] = *report.raw_text;
    report.result["commands"] = names;
    return report;
  }

 private:
  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Command> make_manual() { return std::make_unique<Manual>(); }

}  // namespace isoflop::app
