#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "apps/run_command.h"
#include "isoflop/random.h"
#include "sim/sweep/tiny_sweep.h"

using namespace isoflop;
using namespace isoflop::test;
using isoflop::test::run_command;

namespace {

std::vector<std::string> tiny(const std::string& folder, const std::string& highest = "2e8") {
  return {"sweep",
          "--folder",
          folder,
          "--lowest",
          "1e8",
          "--highest",
          highest,
          "--budgets",
          "2",
          "--sizes",
          "3",
          "--ladder",
          "1x8,1x16,2x16",
          "--vocabulary",
          "16",
          "--batch",
          "8",
          "--length",
          "16",
          "--held-out",
          "4",
          "--curve-points",
          "4",
          "--checkpoint-every",
          "0.02s",
          "-j",
          "1"};
}

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("sweep: a dry run plans and makes nothing, and a FLOP budget holds") {
  const auto folder = fresh_folder("dry");
  const auto outcome =
      run_command({"sweep", "--folder", folder, "--dry-run", "--no-probe", "--flop", "1e13", "--json"});
  REQUIRE(outcome.code == 0);
  const auto result = parse_json(outcome.out, "out").at("result");
  CHECK(result.at("runs").items().size() == 36);
  CHECK(result.at("flop").number() <= 1e13);
  CHECK(result.at("predicted_s").is_null());
  CHECK(!std::filesystem::exists(folder));
}

TEST_CASE("sweep: what it writes can be fitted, continued and merged") {
  const auto folder = fresh_folder("cli");
  const auto outcome = run_command(with(tiny(folder), {"--json"}));
  REQUIRE(outcome.code == 0);
  const auto result = parse_json(outcome.out, "out").at("result");
  CHECK(result.at("runs_done").number() == 6);
  for (const auto& r : result.at("runs").items())
    CHECK(r.at("loss_nats").number() > r.at("loss_of_perfect_model_nats").number());
  const auto fitted = run_command({"fit", folder + "/runs.csv", "--bootstrap", "0"});
  CHECK((fitted.code == 0 || fitted.code == 4));  // six runs of a moment say little
  const auto compared =
      run_command({"compare", folder + "/runs.csv", "--curves", folder + "/curves.csv", "--replicates", "0"});
  CHECK((compared.code == 0 || compared.code == 4));
  CHECK(run_command({"sweep", "--folder", folder, "--resume"}).out.find("6 runs were already done") !=
        std::string::npos);
  CHECK(run_command(tiny(folder, "3e8")).code == 2);
  std::filesystem::remove(folder + "/records/" + result.at("runs").items()[0].at("name").text() + ".json");
  const auto merged = run_command({"sweep", "merge", folder, "--into", folder});
  CHECK(merged.code == 4);
  CHECK(merged.out.find("1 of 6 planned runs are missing") != std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_CASE("sweep: wrong words are wrong usage") {
  CHECK(run_command({"sweep", "--dry-run", "--shard", "3/2"}).code == 2);
  CHECK(run_command({"sweep", "--dry-run", "--ladder", "2x33x2"}).code == 2);
  CHECK(run_command({"sweep", "--dry-run", "--flop", "1e9"}).code == 2);
  CHECK(run_command({"sweep", "--dry-run", "--flop", "1e13", "--time", "1h"}).code == 2);
  CHECK(run_command({"sweep", "--dry-run", "--tune", "x"}).code == 2);
  CHECK(run_command({"sweep", "--folder", "/no/such", "--resume"}).code == 1);
}

TEST_CASE("sweep: the source that needs depth can be swept too") {
  const auto folder = fresh_folder("depth");
  const auto outcome = run_command(with(tiny(folder), {"--source", "hierarchy:3,4", "--json"}));
  REQUIRE(outcome.code == 0);
  CHECK(parse_json(outcome.out, "out").at("result").at("entropy_rate_nats").number() > 1);
  std::filesystem::remove_all(folder);
}

TEST_SUITE("slow") {
  TEST_CASE("a sweep killed at ten random moments and continued leaves the files of one that was not") {
    const auto whole = fresh_folder("whole"), killed = fresh_folder("killed");
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(run_command(tiny(whole, "2e9")).code == 0);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    // Moments are shares of the time that the whole sweep takes here, so that they fall into its work on any machine.
    // A sweep that ends before its moment comes must agree too, and another one is begun in an empty folder; if that
    // sweep was a whole one, this machine has become faster since, as where it stood still during the first.
    double whole_us = took.count();
    bool afresh = true;
    int deaths = 0;
    Random random(42);
    for (int attempt = 0; deaths < 10; ++attempt) {
      REQUIRE(attempt < 200);
      const auto moment = static_cast<useconds_t>(whole_us * random.uniform(0.02, 0.4));
      const pid_t child = ::fork();
      REQUIRE(child >= 0);
      if (child == 0) ::_exit(run_command(tiny(killed, "2e9")).code);
      ::usleep(moment);
      ::kill(child, SIGKILL);
      int status = 0;
      ::waitpid(child, &status, 0);
      if (WIFSIGNALED(status)) {
        ++deaths;
        afresh = false;
      } else {
        REQUIRE(WEXITSTATUS(status) == 0);
        CHECK(result_files(killed) == result_files(whole));
        std::filesystem::remove_all(killed);
        if (afresh) whole_us = std::min(whole_us, static_cast<double>(moment));
        afresh = true;
      }
    }
    const auto last = run_command(tiny(killed, "2e9"));
    REQUIRE(last.code == 0);
    CHECK(result_files(killed) == result_files(whole));
    CHECK(std::filesystem::is_empty(killed + "/checkpoints"));
    for (const auto& folder : {whole, killed}) std::filesystem::remove_all(folder);
  }
}
