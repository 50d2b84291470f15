#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "apps/command.h"

namespace {
std::string printed(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  CHECK(isoflop::app::run(arguments, out, err) == 0);
  return out.str();
}
}  // namespace

TEST_CASE("the bash script completes commands, nested commands and options") {
  const auto script = printed({"completion", "bash"});
  const auto path = (std::filesystem::temp_directory_path() / "isoflop-completion-test.bash").string();
  std::ofstream(path) << script
                      << "complete_line() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($#-1)); COMPREPLY=(); _isoflop; echo \" "
                         "${COMPREPLY[*]} \"; }\n"
                         "complete_line isoflop compl | grep -q ' completion ' || exit 1\n"
                         "complete_line isoflop manual --exp | grep -q -- ' --explain ' || exit 2\n"
                         "complete_line isoflop models s | grep -qx ' show ' || exit 3\n"
                         "complete_line isoflop train llama-3-8b --precision f | grep -qx ' fp16 fp8 fp4 ' || exit 4\n"
                         "complete_line isoflop serve --theme '' | grep -qx ' light dark ' || exit 5\n";
  CHECK(std::system(("bash '" + path + "'").c_str()) == 0);
  std::filesystem::remove(path);
}

TEST_CASE("zsh and fish scripts name every command") {
  for (const char* shell : {"zsh", "fish"}) {
    const auto script = printed({"completion", shell});
    for (const auto& command : isoflop::app::all_commands())
      CHECK(script.find(command->name().substr(0, command->name().find(' '))) != std::string::npos);
  }
}

TEST_CASE("every command has a manual page with its options") {
  for (const auto& command : isoflop::app::all_commands()) {
    std::vector<std::string> arguments = {"manual"};
    std::istringstream words(command->name());
    for (std::string word; words >> word;) arguments.push_back(word);
    const auto page = printed(arguments);
    CHECK(page.find(".SH NAME") != std::string::npos);
    CHECK(page.find("\\-\\-json") != std::string::npos);
  }
}
