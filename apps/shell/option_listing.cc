#include "apps/shell/option_listing.h"

#include "apps/shell/global_options.h"

namespace isoflop::app {
namespace {

class Listing : public OptionSet {
 public:
  std::vector<ListedOption> options;

  void positional(const std::string& name, std::string&, const std::string& help, bool) override {
    add(name, name, help, true);
  }
  void positionals(const std::string& name, std::vector<std::string>&, const std::string& help, bool) override {
    add(name, name + "...", help, true);
  }
  void flag(const std::string& name, bool&, const std::string& help) override { add(name, "", help); }
  void text(const std::string& name, std::string&, const std::string& help) override { add(name, "TEXT", help); }
  void choice(const std::string& name, std::string&, const std::vector<std::string>& allowed,
              const std::string& help) override {
    std::string words;
    for (const auto& word : allowed) words += (words.empty() ? "" : "|") + word;
    add(name, words, help);
    options.back().choices = allowed;
  }
  void number(const std::string& name, double&, const std::string& help, Range) override { add(name, "NUMBER", help); }
  void number(const std::string& name, std::optional<double>&, const std::string& help, Range) override {
    add(name, "NUMBER", help);
  }
  void whole(const std::string& name, long&, const std::string& help, long, long) override { add(name, "COUNT", help); }
  void whole(const std::string& name, std::optional<long>&, const std::string& help, long, long) override {
    add(name, "COUNT", help);
  }
  void duration(const std::string& name, std::optional<double>&, const std::string& help) override {
    add(name, "DURATION", help);
  }
  void list(const std::string& name, std::vector<std::string>&, const std::string& help) override {
    add(name, "LIST", help);
  }
  void files(const std::string& name, std::vector<std::string>&, const std::string& help) override {
    add(name, "FILE", help);
  }
  void group(const std::string& heading) override { heading_ = heading; }

 private:
  void add(const std::string& name, const std::string& value, const std::string& help, bool positional = false) {
    ListedOption option{{}, value, {}, help, heading_, positional};
    std::string one;
    for (char c : name + ",") {
      if (c != ',') one += c;
      else option.names.push_back(one), one.clear();
    }
    options.push_back(std::move(option));
  }
  std::string heading_ = "Options";
};

}  // namespace

std::vector<ListedOption> listed_options(Command& command) {
  Listing listing;
  command.declare(listing);
  return listing.options;
}

std::vector<ListedOption> listed_global_options() {
  GlobalOptions unused;
  Listing listing;
  declare_global_options(listing, unused);
  return listing.options;
}

}  // namespace isoflop::app
