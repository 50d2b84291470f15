// Every command shown in README.md and docs/*.md is run, and what it prints is what the page says.
//
// A page shows commands in ```console blocks: a line "$ isoflop ..." and below it the output. A line "..." stands for
// any lines. With ISOFLOP_UPDATE_DOCS=1 the pages are rewritten instead (blocks that use "..." keep their excerpt).
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
  bool inside = false, open = false;
  for (std::size_t i = 0; i < page.size(); ++i) {
    if (page[i].rfind("```", 0) == 0) {
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
  fs::path folder =
      fs::temp_directory_path() / ("isoflop-docs-" + std::to_string(std::hash<std::string>()(before.string())));
  InTemporaryFolder() {
    fs::remove_all(folder);
    fs::create_directories(folder);
    fs::create_directory_symlink(fs::path(source_dir) / "docs", folder / "docs");
    fs::current_path(folder);
  }
  ~InTemporaryFolder() {
    fs::current_path(before);
    fs::remove_all(folder);
  }
};

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
