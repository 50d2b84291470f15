// The outlier report as a user meets it: the claims it makes, the contract it keeps, the tables it survives.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agrees.h"
#include "apps/run_command.h"
#include "isoflop/random.h"
#include "paths.h"

using namespace isoflop;
using isoflop::test::Outcome;
using isoflop::test::run_command;

namespace {

Value result_of(std::vector<std::string> arguments) {
  arguments.push_back("--json");
  const Outcome o = run_command(arguments);
  INFO(o.err);
  REQUIRE(o.code == 0);
  return parse_json(o.out, "out").at("result");
}

const Value& model(const Value& result, const std::string& name) {
  for (const Value& m : result.at("models").items())
    if (m.at("name").text() == name) return m;
  FAIL("no model ", name);
  return result;
}

/// A file that goes away with the test.
struct TemporaryFile {
  std::string path;
  explicit TemporaryFile(const std::string& content) {
    static int count = 0;
    path = (std::filesystem::temp_directory_path() /
            ("isoflop_outliers_" + std::to_string(getpid()) + "_" + std::to_string(count++) + ".csv"))
               .string();
    std::ofstream(path, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
};

std::string simulated_table(int rows, std::uint64_t seed) {
  Random random(seed);
  std::ostringstream text;
  text << "name,active_params,tokens,score\n";
  for (int i = 0; i < rows; ++i) {
    const double n = std::pow(10, random.uniform(8, 11)), d = std::pow(10, random.uniform(11, 13));
    const double eta = 2.2 * (std::log10(6 * n * d) - 23) + 0.4 * random.normal();
    text << "m" << i << ',' << n << ',' << d << ',' << 25 + 60 / (1 + std::exp(-eta)) << '\n';
  }
  return text.str();
}

}  // namespace

TEST_CASE(
    "Phi-1.5, Phi-2 and Phi-3-mini stand above the line; Arctic, DBRX and Llama-3-8B do not: now and in April 2024") {
  for (const auto& arguments : {std::vector<std::string>{"outliers", "--benchmark", "mmlu"},
                                std::vector<std::string>{"outliers", "--until", "2024-04-30"}}) {
    const Value result = result_of(arguments);
    for (const char* name : {"Phi-1.5", "Phi-2", "Phi-3-mini"}) {
      CAPTURE(name);
      CHECK(model(result, name).at("is_outlier").truth());
      CHECK(model(result, name).at("residual_points").number() > 0);
      CHECK(model(result, name).at("compute_multiplier").at("estimate").number() > 3);
    }
    for (const char* name : {"Arctic", "DBRX", "Llama-3-8B"}) {
      CAPTURE(name);
      CHECK_FALSE(model(result, name).at("is_outlier").truth());
    }
    CHECK(model(result, "Phi-3-mini").at("kind").text() == "instruct");
    // One in ten is outside by chance; the count says how much more than that was found.
    const Value& count = result.at("outliers");
    CHECK(agrees(count.at("expected_by_chance").number(), 0.1 * result.at("n").number(), 9));
  }
}

TEST_CASE("the claims about the Phi models do not hang on one loss") {
  for (const char* loss : {"soft-l1", "huber", "cauchy", "bisquare"}) {
    CAPTURE(loss);
    std::vector<std::string> arguments = {"outliers", "--until", "2024-04-30", "--bootstrap", "0", "--loss", loss};
    if (std::string(loss) == "bisquare") arguments.insert(arguments.end(), {"--loss-scale", "30"});
    const Value result = result_of(arguments);
    for (const char* name : {"Phi-1.5", "Phi-2", "Phi-3-mini"}) CHECK(model(result, name).at("is_outlier").truth());
    for (const char* name : {"Arctic", "DBRX", "Llama-3-8B"}) CHECK_FALSE(model(result, name).at("is_outlier").truth());
  }
}

TEST_CASE("90 % intervals hold 85 to 95 % of the models of left-out families") {
  for (const auto& arguments :
       {std::vector<std::string>{"outliers"}, std::vector<std::string>{"outliers", "--link", "auto"},
        std::vector<std::string>{"outliers", "--until", "2024-04-30"},
        std::vector<std::string>{"outliers", "--kind", "base", "--harness", "uniform"},
        std::vector<std::string>{"outliers", "--benchmark", "gsm8k"},
        std::vector<std::string>{"outliers", "--benchmark", "hellaswag"},
        std::vector<std::string>{"outliers", "--link", "linear"}}) {
    CAPTURE(arguments.back());
    auto quick = arguments;
    quick.insert(quick.end(), {"--bootstrap", "0"});
    const double coverage = result_of(quick).at("interval").at("coverage_left_out").number();
    CHECK(coverage >= 0.85);
    CHECK(coverage <= 0.95);
  }
}

TEST_CASE("on the base models of the uniform harness the best link errs by at most 8.5 points, the line by about 13") {
  const Value cv = result_of({"outliers", "--kind", "base", "--harness", "uniform"}).at("cross_validation");
  CHECK(cv.at("best_rmse_points").number() <= 8.5);
  CHECK(cv.at("best_link").text() == "logistic-nd-free");
  CHECK(cv.at("linear_rmse_points").number() > 12.5);
  CHECK(cv.at("linear_rmse_points").number() < 15);
  CHECK(cv.at("scheme").text().rfind("leave-one-family-out", 0) == 0);
  const Value automatic = result_of({"outliers", "--kind", "base", "--harness", "uniform", "--link", "auto"});
  CHECK(automatic.at("link").text() == "logistic-nd-free");
  CHECK(automatic.at("cross_validation").at("rmse_points").number() <= 8.5);
}

TEST_CASE("the promised keys are there, with numbers or null") {
  const Value result = result_of({"outliers"});
  for (const char* key :
       {"benchmark", "x", "link", "n", "coefficients", "rmse_points", "r2", "cross_validation", "models"})
    CHECK(result.find(key));
  CHECK(result.at("cross_validation").find("scheme"));
  CHECK(result.at("cross_validation").find("rmse_points"));
  for (const auto& [name, value] : result.at("coefficients").members())
    for (const char* key : {"estimate", "low", "high"}) CHECK(value.find(key));
  REQUIRE(result.at("models").items().size() > 150);
  for (const Value& m : result.at("models").items()) {
    for (const char* key : {"name", "family", "active_params", "tokens", "compute_flop", "score", "kind", "predicted",
                            "interval", "residual_points", "z", "is_outlier", "compute_multiplier", "lead_time_months"})
      CHECK(m.find(key));
    CHECK(m.at("interval").at("low").number() <= m.at("predicted").number());
    CHECK(m.at("interval").at("high").number() >= m.at("predicted").number());
    const Value& multiplier = m.at("compute_multiplier");
    for (const char* key : {"estimate", "low", "high"}) CHECK(multiplier.find(key));
    if (multiplier.at("estimate").is_number() && multiplier.at("low").is_number())
      CHECK(multiplier.at("low").number() <= multiplier.at("estimate").number());
    CHECK(agrees(m.at("residual_points").number(), m.at("score").number() - m.at("predicted").number(), 6));
  }
}

TEST_CASE("the result does not depend on the number of threads") {
  const auto one = run_command({"outliers", "--json", "-j", "1"}),
             three = run_command({"outliers", "--json", "-j", "3"});
  REQUIRE(one.code == 0);
  const Value a = parse_json(one.out, "a"), b = parse_json(three.out, "b");
  CHECK(to_json(a.at("result")) == to_json(b.at("result")));
}

TEST_CASE("hints carry a lead time with an interval, a verdict and the record of their hindcast") {
  const Value result = result_of({"outliers"});
  const Value& hints = result.at("hints");
  CHECK(hints.at("verdict").is_text());
  CHECK(hints.at("hindcast").at("predictions").number() > 100);
  CHECK(hints.at("hindcast").at("dates").items().size() >= 4);
  const Value& lead = model(result, "Phi-2").at("lead_time_months");
  CHECK(lead.at("estimate").number() > 0);
  CHECK(lead.at("low").number() <= lead.at("estimate").number());
  CHECK(lead.at("status").is_text());
}

TEST_CASE("every x and benchmark of the catalogue can be asked for") {
  for (const char* x : {"compute", "active-params", "total-params", "tokens", "release-date", "gsm8k", "arena_elo"}) {
    CAPTURE(x);
    const Value result = result_of({"outliers", "--x", x, "--bootstrap", "0"});
    CHECK(result.at("x").text() == x);
    if (std::string(x) != "compute")
      CHECK(result.at("models").items()[0].at("compute_multiplier").at("estimate").is_null());
  }
  for (const char* benchmark : {"arena_elo", "mt_bench", "gsm8k", "humaneval"}) {
    CAPTURE(benchmark);
    CHECK(result_of({"outliers", "--benchmark", benchmark, "--bootstrap", "20"}).at("benchmark").text() == benchmark);
  }
  for (const char* convention : {"without-input-embedding", "non-embedding"})
    CHECK(result_of({"outliers", "--convention", convention, "--bootstrap", "0"}).at("n").number() > 100);
}

TEST_CASE("every link and loss can be asked for, and says so") {
  for (const char* link : {"linear", "logistic", "logistic-free", "linear-nd", "logistic-nd", "logistic-nd-free",
                           "linear-date", "logistic-date", "logistic-date-free"}) {
    CAPTURE(link);
    const Value result = result_of({"outliers", "--link", link, "--bootstrap", "0"});
    CHECK(result.at("link").text() == link);
    CHECK(result.at("link_chosen_by").text() == "asked for");
  }
}

TEST_CASE("undisclosed tokens given as a range bring the model in, with a wider interval") {
  const Value result = result_of({"outliers", "--tokens", "Mixtral-8x7B=4T:12T,Grok-1=4T:12T"});
  const Value& mixtral = model(result, "Mixtral-8x7B");
  CHECK(mixtral.at("tokens_interval").at("high").number() == 12e12);
  CHECK(mixtral.at("compute_multiplier").find("low"));
  CHECK(run_command({"outliers", "--tokens", "Mixtral-8x7B=12T:4T"}).code == 2);
  CHECK(run_command({"outliers", "--tokens", "Mixtrel-8x7B=4T:12T"}).code == 2);
}

TEST_CASE("a user's table is fitted, added or only judged") {
  const TemporaryFile table(simulated_table(80, 1));
  const Value own = result_of({"outliers", table.path, "--bootstrap", "50"});
  CHECK(own.at("n").number() == 80);
  CHECK(own.at("models").items().size() == 80);
  const TemporaryFile mine("name,active_params,tokens,score\nMy-1B,1B,1T,61.5\n");
  const Value added = result_of({"outliers", "--add", mine.path, "--bootstrap", "0"});
  const Value judged = result_of({"outliers", "--score-only", mine.path, "--bootstrap", "0"});
  CHECK(added.at("n").number() == judged.at("n").number() + 1);
  CHECK(model(judged, "My-1B").at("is_outlier").truth());
  CHECK(model(judged, "My-1B").at("verdict").text() == "above");
  CHECK_FALSE(model(judged, "My-1B").at("fitted").truth());
  const auto said = run_command({"outliers", "--score-only", mine.path, "--bootstrap", "0"}).out;
  CHECK(said.starts_with("My-1B scores 61.5, above the 90 % interval "));
  const TemporaryFile twice("name,active_params,tokens,score\nPhi-2,2.7B,1.4T,57\n");
  CHECK(run_command({"outliers", "--add", twice.path}).code == 3);
}

TEST_CASE("the digitised plot of N x D is a table like any other") {
  const std::string path = std::string(ground_truth_dir) + "/data/published_plot_mmlu_vs_compute.csv";
  if (!std::filesystem::exists(path)) {
    MESSAGE("skipped: the digitised plot is not here");
    return;
  }
  const Value result =
      result_of({"outliers", path, "--x", "active_params_times_tokens_read", "--y", "mmlu_read", "--compute", "nd"});
  CHECK(result.at("n").number() == 30);
  CHECK(result.at("x").text() == "compute");
  CHECK(agrees(model(result, "Phi-2").at("x_value").number(), 3.82e21, 9));
  CHECK(agrees(model(result, "Phi-2").at("compute_flop").number(), 6 * 3.82e21, 9));
  CHECK(model(result, "Phi-2").at("residual_points").number() > 0);
}

TEST_CASE("broken tables end in a clear error, never in a crash") {
  const std::string header = "name,active_params,tokens,score\n";
  const struct {
    std::string content, says;
  } cases[] = {
      {"", "empty"},
      {header, "at least 8"},
      {header + "A,7B,1T,40\nB,7B,xx,41\n", ":3:"},
      {"name,tokens,score\nA,1T,40\n", "active_params"},
      {header + "A,7B,1T,40\nA,7B,1T,41\n", "already in line 2"},
      {header + "A,7B,1T\n", ":2"},
      {header + "\"A,7B,1T,40\n", "not closed"},
      {std::string("\x7f\x45LF\x02\x01\x00\x00\x00\x00", 10), "zero bytes"},
      {"\xff\xfe\x12\x99\xab\n\xde\xad\n", "name"},
      {header + "A,7B,1T,0.4\nB,8B,1T,0.5\n", "--fractions"},
      {header + "A,7B,1T,400\nB,8B,1T,50\n", "0 to 100"},
      {header + "A,1e400,1T,40\n", ":2:"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.content);
    const TemporaryFile file(c.content);
    const Outcome o = run_command({"outliers", file.path});
    CHECK(o.code == 3);
    CAPTURE(o.err);
    CHECK(o.err.find(c.says) != std::string::npos);
    CHECK(o.out.empty());
  }
  CHECK(run_command({"outliers", "/no/such/file.csv"}).code == 1);
}

TEST_CASE("degenerate but legal tables are answered or refused with a reason") {
  std::string same_compute = "name,active_params,tokens,score\n", same_score = same_compute, far = same_compute;
  for (int i = 0; i < 20; ++i) {
    const std::string n = "m" + std::to_string(i);
    same_compute += n + ",7B,1T," + std::to_string(30 + i) + "\n";
    same_score += n + "," + std::to_string(i + 1) + "B,1T,50\n";
    far += n + ",1e" + std::to_string(i * 10) + ",1e100," + std::to_string(30 + i) + "\n";
  }
  const TemporaryFile a(same_compute), b(same_score), c(far);
  CHECK(run_command({"outliers", a.path}).code == 3);
  for (const auto& path : {b.path, c.path}) {
    const int code = run_command({"outliers", path, "--json"}).code;
    CHECK((code == 0 || code == 4));
  }
}

TEST_CASE("CSV lists every model, people see the outliers first") {
  const Outcome csv = run_command({"outliers", "--csv", "--bootstrap", "0"}),
                text = run_command({"outliers", "--bootstrap", "0"});
  REQUIRE(csv.code == 0);
  CHECK(std::count(csv.out.begin(), csv.out.end(), '\n') > 170);
  CHECK(csv.out.rfind("name,family,kind", 0) == 0);
  CHECK(text.out.find("Phi-1.5") < 1000);
  CHECK(text.out.find("chance") != std::string::npos);
}

TEST_CASE("predict tells the score of a planned model with an interval, and judges an observed one") {
  const Value result =
      result_of({"predict", "--benchmark", "mmlu", "--active-params", "3.8B", "--tokens", "3.3T", "--score", "68.8"});
  const Value& score = result.at("score");
  CHECK(score.at("low").number() < score.at("estimate").number());
  CHECK(score.at("estimate").number() > 40);
  CHECK(score.at("estimate").number() < 60);
  CHECK(score.at("high").number() > 60);
  CHECK(result.at("typical_score").at("high").number() < score.at("high").number());
  CHECK(result.at("observed").at("z").number() > 1);
  CHECK(result.at("link").text() == "logistic-nd-free");
  CHECK(result_of({"predict", "--benchmark", "mmlu", "--compute", "1e23"}).at("link").text() == "logistic-free");
  CHECK(run_command({"predict", "--benchmark", "mmlu", "--active-params", "3.8B"}).code == 2);
  CHECK(
      run_command({"predict", "--benchmark", "mmlu", "--active-params", "3.8B", "--tokens", "1T", "--compute", "1e25"})
          .code == 2);
}

TEST_CASE("predictions rise with compute between floor and ceiling") {
  double before = 25;
  for (const char* compute : {"1e20", "1e22", "1e23", "1e24", "1e26"}) {
    const double now = result_of({"predict", "--benchmark", "mmlu", "--compute", compute, "--bootstrap", "0"})
                           .at("score")
                           .at("estimate")
                           .number();
    CHECK(now >= before);
    CHECK(now <= 100);
    before = now;
  }
}

TEST_SUITE("slow") {
  TEST_CASE("a million rows are analysed and the truth behind them found") {
    const TemporaryFile table(simulated_table(1000000, 2));
    const Value result = result_of({"outliers", table.path});
    CHECK(result.at("n").number() == 1e6);
    // The truth: 2.2 per decade, ceiling 85.
    CHECK(std::fabs(result.at("coefficients").at("slope_log10_compute").at("estimate").number() - 2.2) < 0.1);
    CHECK(std::fabs(result.at("coefficients").at("ceiling").at("estimate").number() - 85) < 0.5);
    CHECK(std::fabs(result.at("interval").at("coverage_left_out").number() - 0.9) < 0.05);
  }
}
