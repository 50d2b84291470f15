#include <doctest/doctest.h>

#include <filesystem>
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

TEST_CASE("calibrate needs something to calibrate from, and --this-machine takes no files") {
  CHECK(ask({"calibrate"}).code == 2);
  CHECK(ask({"calibrate", "--this-machine", "rows.csv"}).code == 2);
  CHECK(ask({"kernel", "predict", "/no/such/profile.json"}).code != 0);
}

TEST_SUITE("slow") {
  TEST_CASE("a calibrated machine writes a profile that predicts models") {
    const std::string folder = std::filesystem::temp_directory_path() / "isoflop_machine_profile_test";
    std::filesystem::create_directories(folder);
    const auto answer = ask({"calibrate", "--this-machine", "--quick", "-j", "1", "--memory-mb", "64",
                             "--write-profile", folder, "--json"});
    CHECK((answer.code == 0 || answer.code == 4));  // a busy machine may not hold still
    const auto result = isoflop::parse_json(answer.out, "stdout").at("result");
    CHECK(result.at("unseen").at("training_one_thread").at("n").number() == 6);
    CHECK(result.at("in_sample").at("n").number() > 300);
    const auto predicted =
        ask({"kernel", "predict", folder + "/machine_profile.json", "--layers", "3", "--width", "96", "--json"});
    CHECK(predicted.code == 0);
    const auto r = isoflop::parse_json(predicted.out, "stdout").at("result");
    CHECK(r.at("step_time_s_interval").at("low").number() < r.at("step_time_s").number());
    CHECK(r.at("decode_tokens_per_s").number() > 0);
    std::filesystem::remove_all(folder);
  }
}
