// Every command shown in README.md and docs/*.md is run, and what it prints is what the page says.
//
// A page shows commands in ```console blocks: a line "$ isoflop ..." and below it the output. A line "..." stands for
// any lines. What lies between "<!-- isoflop ... -->" and "<!-- end -->" is the command's output as it is, so that
// tables of formulas, constants and sources come from the program. With ISOFLOP_UPDATE_DOCS=1 the pages are rewritten
// instead (blocks that use "..." keep their excerpt). Links between pages, and files that a page names, exist.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "apps/command.h"
#include "isoflop/fits/loss_law.h"
#include "paths.h"

namespace fs = std::filesystem;

namespace {

struct Shown {
  std::string command;
  std::vector<std::string> output;
  std::size_t first_line = 0, end_line = 0;  // of the output, as line indices of the page
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string whole_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Shown> shown_commands(const std::vector<std::string>& page) {
  std::vector<Shown> result;
  bool inside = false, open = false, generated = false;
  for (std::size_t i = 0; i < page.size(); ++i) {
    if (generated) {
      generated = page[i] != "<!-- end -->";
      if (generated) result.back().output.push_back(page[i]);
      else result.back().end_line = i;
    } else if (!inside && page[i].rfind("<!-- isoflop ", 0) == 0 && page[i].ends_with(" -->")) {
      generated = true;
      result.push_back({page[i].substr(13, page[i].size() - 17), {}, i + 1, page.size()});
    } else if (page[i].rfind("```", 0) == 0) {
      if (inside && open) result.back().end_line = i;
      inside = !inside && page[i] == "```console";
      open = false;
    } else if (inside && page[i].rfind("$ ", 0) == 0) {
      if (open) result.back().end_line = i;
      open = page[i].rfind("$ isoflop ", 0) == 0;
      if (open) result.push_back({page[i].substr(10), {}, i + 1, i + 1});
    } else if (inside && open) {
      result.back().output.push_back(page[i]);
    }
  }
  return result;
}

// Words as a shell splits them, with single and double quotes; nothing else of a shell.
std::vector<std::string> shell_words(const std::string& command) {
  std::vector<std::string> words;
  std::string word;
  bool has = false;
  char quote = 0;
  for (char c : command) {
    if (quote) {
      if (c == quote) quote = 0;
      else word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      has = true;
    } else if (c == ' ') {
      if (has) words.push_back(word);
      word.clear();
      has = false;
    } else {
      word += c;
      has = true;
    }
  }
  if (has) words.push_back(word);
  return words;
}

std::vector<std::string> actual_output(const std::string& command) {
  std::ostringstream out, err;
  isoflop::app::run(shell_words(command), out, err);
  auto lines = lines_of(out.str());
  for (const auto& line : lines_of(err.str())) lines.push_back(line);
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

// "..." in `expected` matches any number of lines.
bool matches(const std::vector<std::string>& expected, std::size_t e, const std::vector<std::string>& actual,
             std::size_t a) {
  for (; e < expected.size(); ++e, ++a) {
    if (expected[e] == "...") {
      for (std::size_t from = a; from <= actual.size(); ++from)
        if (matches(expected, e + 1, actual, from)) return true;
      return false;
    }
    if (a == actual.size() || expected[e] != actual[a]) return false;
  }
  return a == actual.size();
}

struct InTemporaryFolder {
  fs::path before = fs::current_path();
  fs::path folder = fs::temp_directory_path() / "isoflop-docs";
  InTemporaryFolder() {
    fs::remove_all(folder);
    fs::create_directories(folder);
    for (const char* shown : {"docs", "data"})
      fs::create_directory_symlink(fs::path(source_dir) / shown, folder / shown);
    fs::current_path(folder);
  }
  ~InTemporaryFolder() {
    fs::current_path(before);
    fs::remove_all(folder);
  }
};

// Targets of [text](target) that lie in the project, and `lib/...`, `docs/...` and the like in backquotes.
std::vector<std::string> named_files(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; (at = text.find("](", at)) != std::string::npos;) {
    at += 2;
    std::string target = text.substr(at, text.find(')', at) - at);
    target = target.substr(0, target.find('#'));
    if (!target.empty() && target.find("://") == std::string::npos && target.find(' ') == std::string::npos)
      names.push_back("link " + target);
  }
  for (const std::string folder :
       {"lib/", "fits/", "sim/", "apps/", "tests/", "data/", "docs/", "scripts/", "cmake/"})
    for (std::size_t at = 0; (at = text.find("`" + folder, at)) != std::string::npos;) {
      const std::size_t start = ++at;
      const std::string name = text.substr(start, text.find_first_of("` :,", start) - start);
      // A pattern (cmd_NAME.cc, *.md, a/{b,c}) or a place on the user's side names no file.
      if (name.find_first_of("*{<") != std::string::npos || name.find("NAME") != std::string::npos ||
          name.find("ROOM") != std::string::npos)
        continue;
      names.push_back("file " + name);
    }
  return names;
}

std::vector<fs::path> pages() {
  std::vector<fs::path> result = {fs::path(source_dir) / "README.md"};
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(source_dir) / "docs"))
    if (entry.path().extension() == ".md") result.push_back(entry.path());
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace

TEST_CASE("every command in README and docs prints what the page says") {
  const bool update = std::getenv("ISOFLOP_UPDATE_DOCS") != nullptr;
  const InTemporaryFolder temporary;
  for (const auto& path : pages()) {
    auto page = lines_of(whole_file(path));
    auto shown = shown_commands(page);
    for (auto it = shown.rbegin(); it != shown.rend(); ++it) {
      auto expected = it->output;
      while (!expected.empty() && expected.back().empty()) expected.pop_back();
      const auto actual = actual_output(it->command);
      const bool excerpt = std::find(expected.begin(), expected.end(), "...") != expected.end();
      if (update && !excerpt) {
        page.erase(page.begin() + static_cast<std::ptrdiff_t>(it->first_line),
                   page.begin() + static_cast<std::ptrdiff_t>(it->end_line));
        page.insert(page.begin() + static_cast<std::ptrdiff_t>(it->first_line), actual.begin(), actual.end());
        continue;
      }
      std::string text;
      for (const auto& line : actual) text += line + "\n";
      INFO(path.string() << ": isoflop " << it->command << "\nprints\n" << text);
      CHECK(matches(expected, 0, actual, 0));
    }
    if (update) {
      std::ofstream file(path, std::ios::binary);
      for (const auto& line : page) file << line << "\n";
    }
  }
}

TEST_CASE("every link of the pages leads to a file, and every file of the project that they name exists") {
  std::size_t checked = 0;
  for (const auto& path : pages())
    for (const auto& named : named_files(whole_file(path))) {
      const std::string target = named.substr(5);
      const fs::path file = (named.starts_with("link ") ? path.parent_path() : fs::path(source_dir)) / target;
      CAPTURE(path.string());
      CAPTURE(target);
      CHECK(fs::exists(file));
      ++checked;
    }
  CHECK(checked > 100);
}

TEST_CASE("every law has a page made of the program's own tables, with a command that is run, and the index names it") {
  const std::string index = whole_file(fs::path(source_dir) / "docs" / "laws.md");
  for (const auto* law : isoflop::fits::loss_laws()) {
    const std::string id = law->facts().id;
    CAPTURE(id);
    const std::string page = whole_file(fs::path(source_dir) / "docs" / "laws" / (id + ".md"));
    CHECK(page.find("<!-- isoflop laws show " + id + " --md -->\n") != std::string::npos);
    CHECK(page.find("\n$ isoflop ") != std::string::npos);
    for (const char* part : {"## When to use it", "## When not", "## What it assumes"})
      CHECK(page.find(part) != std::string::npos);
    CHECK(index.find("](laws/" + id + ".md)") != std::string::npos);
  }
  for (const auto& entry : fs::directory_iterator(fs::path(source_dir) / "docs" / "laws"))
    CHECK_NOTHROW(isoflop::fits::choose_law(entry.path().stem().string()));
}

TEST_CASE("pages of cost models state formula, assumptions, source, code and error, and indices name every page") {
  for (const char* folder : {"cost", "questions"}) {
    const fs::path where = fs::path(source_dir) / "docs" / folder;
    const std::string index = whole_file(where / "README.md");
    for (const auto& entry : fs::directory_iterator(where)) {
      const std::string name = entry.path().filename().string();
      if (name == "README.md") continue;
      CAPTURE(name);
      const std::string page = whole_file(entry.path());
      CHECK(index.find("](" + name + ")") != std::string::npos);
      CHECK(page.find("\n$ isoflop ") != std::string::npos);
      if (std::string(folder) == "cost")
        for (const char* part : {"## Formula", "| symbol |", "## What it assumes", "## Source", "## Code",
                                 "## How far off it is", "## Example"})
          CHECK(page.find(part) != std::string::npos);
    }
  }
}
