#include <doctest/doctest.h>

#include <sstream>

#include "apps/command.h"
#include "isoflop/report/value.h"

namespace {
struct Answer {
  int code;
  std::string out, err;
};
Answer ask(std::vector<std::string> arguments) {
  std::ostringstream out, err;
  const int code = isoflop::app::run(arguments, out, err);
  return {code, out.str(), err.str()};
}
}  // namespace

TEST_CASE("bench with too few rounds measures everything and refuses to conclude") {
  const auto answer = ask({"bench", "--quick", "--rounds", "1", "--memory-mb", "16", "--json"});
  CHECK(answer.code == 4);
  const auto result = isoflop::parse_json(answer.out, "stdout").at("result");
  CHECK(result.at("rounds").number() == 1);
  CHECK(result.at("operations").items().size() >= 10);
  for (const auto& figure : result.at("limits").items()) {
    CHECK_FALSE(figure.at("conclusive").truth());
    CHECK(figure.at("reason").text().size() > 0);
  }
  for (const auto& figure : result.at("operations").items()) CHECK(figure.at("flop").number() > 0);
}
