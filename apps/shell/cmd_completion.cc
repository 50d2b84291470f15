#include <algorithm>
#include <set>
#include <utility>

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

/// What may follow `first` in two-word commands: "list show import".
std::vector<std::string> second_words(const std::vector<CompletedCommand>& commands, const std::string& first) {
  std::vector<std::string> result;
  for (const auto& command : commands)
    if (command.name.starts_with(first + " ")) result.push_back(command.name.substr(first.size() + 1));
  return result;
}

/// First words with one line each; of a group of commands, which they are.
std::vector<std::pair<std::string, std::string>> first_words(const std::vector<CompletedCommand>& commands) {
  std::vector<std::pair<std::string, std::string>> result;
  std::set<std::string> seen;
  for (const auto& command : commands) {
    const std::string first = command.name.substr(0, command.name.find(' '));
    if (!seen.insert(first).second) continue;
    std::string group;
    for (const auto& word : second_words(commands, first)) group += (group.empty() ? "" : ", ") + word;
    result.emplace_back(first, group.empty() ? command.summary.substr(0, command.summary.find('\n')) : group);
  }
  return result;
}

/// A shell pattern of all two-word commands: "models list"|"models show".
std::string two_word_pattern(const std::vector<CompletedCommand>& commands) {
  std::string pattern;
  for (const auto& command : commands)
    if (command.name.find(' ') != std::string::npos)
      pattern += (pattern.empty() ? "\"" : "|\"") + command.name + "\"";
  return pattern;
}

/// Shell pattern of one option after its command, or after any where `command` is empty: "train --count"|"train -n".
std::string option_pattern(const std::string& command, const ListedOption& option) {
  std::string pattern;
  for (const auto& name : option.names)
    pattern += (pattern.empty() ? "" : "|") + (command.empty() ? "*\" " : "\"" + command + " ") + name + "\"";
  return pattern;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Ids are asked of the program itself, so that those of ISOFLOP_DATA are there too.
std::string ids_of(const std::string& program, const std::string& catalogue) {
  return "$(" + program + " " + catalogue + " list --csv 2>/dev/null | tail -n +2 | cut -d, -f1)";
}

constexpr const char* commands_on_models = "train|serve|\"models show\"|compare-architectures|footprint";

/// Cases of what may follow an option that takes a value; `choose` and `files` are the shell's words for it.
std::string value_cases(const std::vector<CompletedCommand>& commands, const std::string& choose,
                        const std::string& ids, const std::string& files) {
  std::string cases = "    *\" --on\") " + choose + ids + "; return ;;\n";
  const auto add = [&](const std::string& command, const ListedOption& option) {
    if (option.positional || option.value.empty()) return;
    cases += "    " + option_pattern(command, option) + ") " +
             (option.choices.empty() ? files : choose + "\"" + joined(option.choices) + "\"") + "; return ;;\n";
  };
  for (const auto& command : commands)
    for (const auto& option : command.options)
      if (option.names[0] != "--on") add(command.name, option);
  for (const auto& option : listed_global_options()) add("", option);
  return cases;
}

std::string option_words(const std::vector<ListedOption>& options) {
  std::string words;
  for (const auto& option : options)
    if (!option.positional)
      for (const auto& name : option.names) words += name + " ";
  return words;
}

std::string bash_script() {
  const auto commands = completed_commands();
  std::string firsts, cases;
  for (const auto& [first, summary] : first_words(commands)) {
    firsts += first + " ";
    const auto seconds = second_words(commands, first);
    if (!seconds.empty()) cases += "    \"" + first + "\") words=\"" + joined(seconds) + "\" ;;\n";
  }
  for (const auto& command : commands)
    cases += "    \"" + command.name + "\") words=\"" + option_words(command.options) + "\" ;;\n";
  const std::string files = "COMPREPLY=($(compgen -f -- \"$current\"))";
  return "# bash completion for isoflop; use: source <(isoflop completion bash)\n"
         "_isoflop_choose() { COMPREPLY=($(compgen -W \"$*\" -- \"$current\")); }\n"
         "_isoflop() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local command=\"\" word words=\"\"\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$word\" in -*) continue ;; esac\n"
         "    if [ -z \"$command\" ]; then command=$word; continue; fi\n"
         "    case \"$command $word\" in " + two_word_pattern(commands) + ") command=\"$command $word\" ;; esac\n"
         "    break\n"
         "  done\n"
         "  case \"$command $previous\" in\n" +
         value_cases(commands, "_isoflop_choose ", "\"" + ids_of("\"${COMP_WORDS[0]}\"", "accelerators") + "\"",
                     files) +
         "  esac\n"
         "  case \"$command\" in\n"
         "    \"\") words=\"" + firsts + "\" ;;\n" + cases +
         "  esac\n"
         "  case \"$command\" in " + std::string(commands_on_models) + ")\n"
         "    [[ $current == -* ]] || words=\"" + ids_of("\"${COMP_WORDS[0]}\"", "models") + "\" ;;\n"
         "  esac\n"
         "  [[ $current == -* ]] && words=\"$words " + option_words(listed_global_options()) + "--help\"\n"
         "  _isoflop_choose \"$words\"\n"
         "  [ ${#COMPREPLY[@]} -eq 0 ] && " + files + "\n"
         "}\n"
         "complete -o filenames -F _isoflop isoflop\n";
}

/// A word and what it means, for _describe.
std::string zsh_entry(const std::string& word, const std::string& meaning) {
  std::string text = word + ":";
  for (const char c : meaning.substr(0, meaning.find('\n')))
    text += c == '\'' ? std::string("'\\''") : c == ':' ? std::string("\\:") : std::string(1, c);
  return "\n      '" + text + "'";
}

std::string zsh_options(const std::vector<ListedOption>& options) {
  std::string entries;
  for (const auto& option : options)
    if (!option.positional)
      for (const auto& name : option.names) entries += zsh_entry(name, option.help);
  return entries;
}

std::string zsh_script() {
  const auto commands = completed_commands();
  std::string firsts, groups, options;
  for (const auto& [first, summary] : first_words(commands)) {
    firsts += zsh_entry(first, summary);
    std::string entries;
    for (const auto& command : commands)
      if (command.name.starts_with(first + " "))
        entries += zsh_entry(command.name.substr(first.size() + 1), command.summary);
    if (!entries.empty()) groups += "    (\"" + first + "\") candidates=(" + entries + ") ;;\n";
  }
  for (const auto& command : commands)
    options += "    (\"" + command.name + "\") options=(" + zsh_options(command.options) + ") ;;\n";
  return "#compdef isoflop\n# zsh completion for isoflop; use: isoflop completion zsh > \"${fpath[1]}/_isoflop\"\n"
         "_isoflop_choose() { compadd -- ${=*} }\n"
         "_isoflop() {\n"
         "  local -a candidates options\n"
         "  local word command=\"\" previous=${words[CURRENT-1]}\n"
         "  for word in ${words[2,CURRENT-1]}; do\n"
         "    [[ $word == -* ]] && continue\n"
         "    if [[ -z $command ]]; then command=$word; continue; fi\n"
         "    case \"$command $word\" in (" + two_word_pattern(commands) + ") command=\"$command $word\" ;; esac\n"
         "    break\n"
         "  done\n"
         "  case \"$command $previous\" in\n" +
         value_cases(commands, "_isoflop_choose ", "\"" + ids_of("$words[1]", "accelerators") + "\"", "_files") +
         "  esac\n"
         "  case \"$command\" in\n"
         "    ('') candidates=(" + firsts + ") ;;\n" + groups +
         "  esac\n"
         "  case \"$command\" in\n" + options +
         "  esac\n"
         "  options+=(" + zsh_options(listed_global_options()) + "\n      '--help:help of this command')\n"
         "  (( $#candidates )) && _describe command candidates\n"
         "  if [[ $PREFIX == -* ]]; then _describe option options; return; fi\n"
         "  case \"$command\" in (" + std::string(commands_on_models) + ") _isoflop_choose \"" +
         ids_of("$words[1]", "models") + "\" ;; esac\n"
         "  [[ -n $command ]] && _files\n"
         "}\n_isoflop \"$@\"\n";
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
  if (!option.choices.empty()) line += " -f -a " + fish_quoted(joined(option.choices));
  if (option.names[0] == "--on")
    line += " -f -a '(isoflop accelerators list --csv 2>/dev/null | tail -n +2 | cut -d, -f1)'";
  return line + " -d " + fish_quoted(option.help) + "\n";
}

std::string fish_script() {
  const auto commands = completed_commands();
  std::string script = "# fish completion for isoflop; use: isoflop completion fish | source\n";
  for (const auto& [first, summary] : first_words(commands))
    script += "complete -c isoflop -n __fish_use_subcommand -f -a " + first + " -d " + fish_quoted(summary) + "\n";
  for (const auto& command : commands) {
    const auto blank = command.name.find(' ');
    const std::string first = command.name.substr(0, blank);
    std::string condition = " -n '__fish_seen_subcommand_from " + first + "'";
    if (blank != std::string::npos) {
      const std::string second = command.name.substr(blank + 1);
      script += "complete -c isoflop -n '__fish_seen_subcommand_from " + first +
                "; and not __fish_seen_subcommand_from " + joined(second_words(commands, first)) + "' -f -a " + second +
                " -d " + fish_quoted(command.summary.substr(0, command.summary.find('\n'))) + "\n";
      condition = " -n '__fish_seen_subcommand_from " + first + "; and __fish_seen_subcommand_from " + second + "'";
    }
    for (const auto& option : command.options)
      if (!option.positional) script += fish_option(option, condition);
  }
  for (const auto& option : listed_global_options()) script += fish_option(option, "");
  return script +
         "complete -c isoflop -n '__fish_seen_subcommand_from train serve show compare-architectures footprint; "
         "and not __fish_seen_subcommand_from accelerators grids laws' "
         "-a '(isoflop models list --csv 2>/dev/null | tail -n +2 | cut -d, -f1)'\n";
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
