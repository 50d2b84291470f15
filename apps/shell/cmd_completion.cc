#include <algorithm>
#include <set>

#include "apps/commands.h"
#include "apps/shell/option_listing.h"
#include "isoflop/error.h"

namespace isoflop::app {
namespace {

struct CompletedCommand {
  std::string name, summary;
  std::vector<ListedOption> options;
};

std::vector<CompletedCommand> completed_commands() {
  std::vector<CompletedCommand> result;
  for (const auto& command : all_commands())
    result.push_back({command->name(), command->summary(), listed_options(*command)});
  return result;
}

std::string option_words(const std::vector<ListedOption>& options) {
  std::string words;
  for (const auto& option : options)
    if (!option.positional)
      for (const auto& name : option.names) words += name + " ";
  return words;
}

// The words that may follow the words typed so far, as shell cases over "models list".
std::string bash_script() {
  std::set<std::string> paths;
  std::string cases;
  const auto commands = completed_commands();
  std::string first_words;
  std::set<std::string> seen;
  for (const auto& command : commands) {
    const auto blank = command.name.find(' ');
    const std::string first = command.name.substr(0, blank);
    if (seen.insert(first).second) first_words += first + " ";
    if (blank != std::string::npos) paths.insert(first);
  }
  for (const auto& first : paths) {
    std::string second;
    for (const auto& command : commands)
      if (command.name.rfind(first + " ", 0) == 0) second += command.name.substr(first.size() + 1) + " ";
    for (const auto& command : commands)
      if (command.name == first) second += option_words(command.options);
    cases += "    \"" + first + "\") words=\"" + second + "\" ;;\n";
  }
  std::string choices;
  for (const auto& command : commands) {
    if (!paths.count(command.name))
      cases += "    \"" + command.name + "\") words=\"" + option_words(command.options) + "\" ;;\n";
    for (const auto& option : command.options)
      if (!option.choices.empty()) {
        std::string allowed;
        for (const auto& word : option.choices) allowed += word + " ";
        choices += "    \"" + command.name + " " + option.names[0] + "\") COMPREPLY=($(compgen -W \"" + allowed +
                   "\" -- \"$current\")); return ;;\n";
      }
  }
  return "# bash completion for isoflop; use: source <(isoflop completion bash)\n"
         "_isoflop() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path=\"\" word words=\"\"\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$word\" in -*) break ;; *) path=\"${path:+$path }$word\" ;; esac\n"
         "    [ \"${path#* * }\" != \"$path\" ] && break\n"
         "  done\n"
         "  case \"$path $previous\" in\n" +
         choices +
         "    *\" -o\"|*\" --output\"|*\" --data\"|*\" --input\") COMPREPLY=($(compgen -f -- \"$current\")); return "
         ";;\n"
         "  esac\n"
         "  case \"$path\" in\n"
         "    \"\") words=\"" +
         first_words + "\" ;;\n" + cases +
         "  esac\n"
         "  words=\"$words " +
         option_words(listed_global_options()) +
         "--help\"\n"
         "  if [[ $current == -* || -z $path || -n $words && $current != */* ]]; then COMPREPLY=($(compgen -W "
         "\"$words\" -- \"$current\")); fi\n"
         "  [ ${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- \"$current\"))\n"
         "}\n"
         "complete -o filenames -F _isoflop isoflop\n";
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (char c : text)
    result += c == '\''                          ? std::string("'\\''")
              : c == '[' || c == ']' || c == ':' ? std::string("\\") + c
                                                 : std::string(1, c);
  return result + "'";
}

std::string zsh_script() {
  std::string script =
      "#compdef isoflop\n# zsh completion for isoflop; use: isoflop completion zsh > \"${fpath[1]}/_isoflop\"\n"
      "_isoflop() {\n  local -a words_so_far; words_so_far=(${(@)words[2,CURRENT-1]:#-*})\n  local path=\"${(j: "
      ":)words_so_far}\"\n  local -a candidates\n"
      "  case \"$path\" in\n    '') candidates=(";
  std::set<std::string> seen;
  const auto commands = completed_commands();
  for (const auto& command : commands) {
    const std::string first = command.name.substr(0, command.name.find(' '));
    if (seen.insert(first).second) script += "\n      " + quoted(first) + "\\:" + quoted(command.summary);
  }
  script += ") ;;\n";
  for (const auto& first : seen) {
    std::string second;
    for (const auto& command : commands)
      if (command.name.rfind(first + " ", 0) == 0)
        second += "\n      " + quoted(command.name.substr(first.size() + 1)) + "\\:" + quoted(command.summary);
    if (!second.empty()) script += "    " + quoted(first) + ") candidates=(" + second + ") ;;\n";
  }
  script += "  esac\n  local -a options\n  case \"$path\" in\n";
  for (const auto& command : commands) {
    script += "    " + quoted(command.name) + "*) options=(";
    for (const auto& option : command.options)
      if (!option.positional)
        for (const auto& name : option.names) script += "\n      " + quoted(name) + "\\:" + quoted(option.help);
    script += ") ;;\n";
  }
  return script +
         "  esac\n  (( $#candidates )) && _describe command candidates\n  (( $#options )) && _describe option "
         "options\n  _files\n}\n_isoflop \"$@\"\n";
}

std::string fish_quoted(const std::string& text) {
  std::string result = "'";
  for (char c : text) result += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return result + "'";
}

std::string fish_option(const ListedOption& option, const std::string& condition) {
  std::string line = "complete -c isoflop" + condition;
  for (const auto& name : option.names)
    line += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (!option.value.empty()) line += " -r";
  if (!option.choices.empty()) {
    std::string words;
    for (const auto& word : option.choices) words += word + " ";
    line += " -f -a " + fish_quoted(words);
  }
  return line + " -d " + fish_quoted(option.help) + "\n";
}

std::string fish_script() {
  std::string script = "# fish completion for isoflop; use: isoflop completion fish | source\n";
  std::set<std::string> seen;
  for (const auto& command : completed_commands()) {
    const auto blank = command.name.find(' ');
    const std::string first = command.name.substr(0, blank);
    if (seen.insert(first).second)
      script +=
          "complete -c isoflop -n __fish_use_subcommand -f -a " + first + " -d " + fish_quoted(command.summary) + "\n";
    std::string condition = " -n '__fish_seen_subcommand_from " + first + "'";
    if (blank != std::string::npos) {
      const std::string second = command.name.substr(blank + 1);
      script += "complete -c isoflop" + condition + " -f -a " + second + " -d " + fish_quoted(command.summary) + "\n";
      condition = " -n '__fish_seen_subcommand_from " + first + "; and __fish_seen_subcommand_from " + second + "'";
    }
    for (const auto& option : command.options)
      if (!option.positional) script += fish_option(option, condition);
  }
  for (const auto& option : listed_global_options()) script += fish_option(option, "");
  return script;
}

class Completion : public Command {
 public:
  std::string name() const override { return "completion"; }
  std::string summary() const override { return "shell completion script for bash, zsh or fish"; }
  std::string examples() const override {
    return "isoflop completion bash > /etc/bash_completion.d/isoflop\n"
           "isoflop completion fish | source";
  }
  void declare(OptionSet& options) override { options.positional("shell", shell_, "bash, zsh or fish"); }
  Report run(const Settings&) override {
    Report report;
    if (shell_ == "bash") report.raw_text = bash_script();
    else if (shell_ == "zsh") report.raw_text = zsh_script();
    else if (shell_ == "fish") report.raw_text = fish_script();
    else throw unknown_name("shell", shell_, {"bash", "zsh", "fish"});
    report.result["script"] = *report.raw_text;
    return report;
  }

 private:
  std::string shell_;
};

}  // namespace

std::unique_ptr<Command> make_completion() { return std::make_unique<Completion>(); }

}  // namespace isoflop::app
