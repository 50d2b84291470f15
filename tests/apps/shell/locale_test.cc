// A program that links isoflop may have chosen any locale: the figures stay the same.
#include <doctest/doctest.h>

#include <clocale>
#include <locale>
#include <string>
#include <vector>

#include "apps/run_command.h"

using namespace isoflop;
using test::run_command;

namespace {

/// Writes and reads 1234.5 as 1.234,5.
struct CommaNumbers : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

/// A locale with a decimal comma in C++ and, where the system has one, in C; undone at the end.
struct CommaLocale {
  std::locale before = std::locale::global(std::locale(std::locale::classic(), new CommaNumbers));
  std::string before_in_c = std::setlocale(LC_ALL, nullptr);
  bool in_c = false;
  CommaLocale() {
    for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "pt_BR.UTF-8", "nl_NL.UTF-8", "ru_RU.UTF-8"})
      in_c = in_c || std::setlocale(LC_ALL, name) != nullptr;
  }
  ~CommaLocale() {
    std::locale::global(before);
    std::setlocale(LC_ALL, before_in_c.c_str());
  }
};

}  // namespace

TEST_CASE("answers are the same in a program that has chosen a locale with a decimal comma") {
  const std::vector<std::vector<std::string>> questions = {
      {"plan", "--compute", "5.76e23", "--replicates", "20"},
      {"models", "show", "phi-3-mini", "--json"},
      {"train", "llama-3-8b", "--on", "h100-sxm-80gb", "--count", "512", "--tokens", "1.5T", "--pue", "1.25", "--json"},
      {"serve", "phi-3-mini", "--on", "h100-sxm-80gb", "--json"},
      {"footprint", "llama-3.1-405b", "--explain"},
      {"check"},
      {"outliers", "--csv"},
      {"sweep", "--dry-run", "--no-probe", "--flop", "1e13", "--json"},
      {"report", "--only", "costs", "--static", "--no-assets", "--json"}};
  bool in_c = true;
  for (const auto& question : questions) {
    CAPTURE(question.front());
    const auto plain = run_command(question);
    const CommaLocale comma;
    in_c = comma.in_c;
    const auto here = run_command(question);
    CHECK(plain.code == here.code);
    CHECK(plain.err == here.err);
    CHECK(plain.out == here.out);
  }
  if (!in_c) MESSAGE("skipped for the C locale: this system has none with a decimal comma");
}
