#include <doctest/doctest.h>

#include <filesystem>
#include <sstream>

#include "agrees.h"
#include "apps/command.h"
#include "isoflop/catalogue/csv_table.h"

namespace {

struct Answer {
  int code = 0;
  std::string out, err;
};

Answer ask(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const int code = isoflop::app::run(arguments, out, err);
  return {code, out.str(), err.str()};
}

isoflop::Value result_of(std::vector<std::string> arguments, int expected_code = 0) {
  arguments.push_back("--json");
  const Answer answer = ask(arguments);
  CAPTURE(answer.err);
  REQUIRE(answer.code == expected_code);
  return isoflop::parse_json(answer.out, "out").at("result");
}

std::string file_with(const std::string& name, const std::string& text) {
  const std::string path = std::filesystem::temp_directory_path().string() + "/" + name;
  isoflop::write_file(path, text);
  return path;
}

}  // namespace

TEST_CASE(
    "serve --rate answers with percentiles, throughput and a timeline, and does not depend on the number of threads") {
  const std::vector<std::string> command = {"serve",      "llama-3-8b", "--on",       "h100",      "--rate",
                                            "6",          "--requests", "300",        "--lengths", "lognormal",
                                            "--slo-ttft", "200ms",      "--slo-tpot", "20ms",      "--csv"};
  std::vector<std::string> alone = command, many = command;
  alone.insert(alone.end(), {"-j", "1"});
  many.insert(many.end(), {"-j", "3"});
  CHECK(ask(alone).out == ask(many).out);
  const auto result = result_of({command.begin(), command.end() - 1});
  for (const char* key :
       {"ttft_s", "tpot_s", "requests_per_s", "output_tokens_per_s", "goodput_requests_per_s", "attainment",
        "utilisation", "preemptions", "prefix_hit_rate", "cost_usd_per_million_tokens", "timeline"}) {
    CAPTURE(key);
    CHECK_FALSE(result.at(key).is_null());
  }
  const auto& ttft = result.at("latency").at("ttft_s");
  CHECK(ttft.at("p50").number() == result.at("ttft_s").number());
  CHECK(ttft.at("p50").number() < ttft.at("p90").number());
  CHECK(ttft.at("p90").number() < ttft.at("p99").number());
  CHECK(ttft.at("p50_interval").at("low").number() < ttft.at("p50").number());
  CHECK(ttft.at("p50_interval").at("high").number() > ttft.at("p50").number());
  CHECK(result.at("finished").number() == 300);
  CHECK(result.at("checks").at("every_request_once_with_its_tokens").truth());
  CHECK(result.at("checks").at("little_relative_error").number() < 1e-9);
  // A request has to wait for what others do; alone it would not.
  CHECK(ttft.at("p50").number() >
        result_of({"serve", "llama-3-8b", "--on", "h100", "--prompt", "1024"}).at("ttft_s").number() / 2);
}

TEST_CASE("a trace is served as it arrives, and vLLM's keys are written for it") {
  const std::string trace =
      file_with("serve_trace.csv",
                "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.5,374,44\n2023-11-16 18:15:47.5,396,109\n"
                "2023-11-16 18:15:47.6,1,1\n");
  const std::string json = std::filesystem::temp_directory_path().string() + "/serve_vllm.json";
  const auto result = result_of({"serve", "llama-3-8b", "--on", "h100", "--trace", trace, "--vllm-json", json});
  CHECK(result.at("prompt_tokens").number() == 374 + 396 + 1);
  CHECK(result.at("output_tokens").number() == 44 + 109 + 1);
  const auto bench = isoflop::parse_json(isoflop::read_file(json), json);
  for (const char* key : {"date",
                          "backend",
                          "model_id",
                          "tokenizer_id",
                          "num_prompts",
                          "request_rate",
                          "burstiness",
                          "max_concurrency",
                          "duration",
                          "completed",
                          "total_input_tokens",
                          "total_output_tokens",
                          "request_throughput",
                          "request_goodput",
                          "output_throughput",
                          "total_token_throughput",
                          "input_lens",
                          "output_lens",
                          "ttfts",
                          "mean_ttft_ms",
                          "median_ttft_ms",
                          "std_ttft_ms",
                          "p99_ttft_ms",
                          "mean_tpot_ms",
                          "median_tpot_ms",
                          "std_tpot_ms",
                          "p99_tpot_ms",
                          "mean_itl_ms",
                          "median_itl_ms",
                          "std_itl_ms",
                          "p99_itl_ms",
                          "mean_e2el_ms",
                          "median_e2el_ms",
                          "std_e2el_ms",
                          "p99_e2el_ms"}) {
    CAPTURE(key);
    CHECK(bench.find(key) != nullptr);
  }
  CHECK(bench.at("completed").number() == 3);
  CHECK(agrees(bench.at("median_ttft_ms").number(), 1e3 * result.at("ttft_s").number(), 12));
  CHECK(agrees(bench.at("output_throughput").number() * bench.at("duration").number(), 154, 12));
  const Answer bad = ask({"serve", "llama-3-8b", "--on", "h100", "--trace",
                          file_with("bad_trace.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,x\n")});
  CHECK(bad.code == 3);
  CHECK(bad.err.find("bad_trace.csv:2:3") != std::string::npos);
}

TEST_CASE("a closed loop keeps as many requests in the system as it has clients") {
  const auto result = result_of({"serve", "llama-3-8b", "--on", "h100", "--concurrency", "16", "--requests", "400"});
  const double inside = result.at("mean_running").number() + result.at("mean_waiting").number();
  CHECK(inside > 15);
  CHECK(inside <= 16);
}

TEST_CASE(
    "capacity: the rate found meets the limits, a higher one does not, and more replicas are needed for more load") {
  const std::vector<std::string> base = {"serve", "llama-3-8b", "--on",  "h100",       "--requests",
                                         "400",   "--slo-ttft", "300ms", "--slo-tpot", "25ms"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  const auto found = result_of(with({"--max-rate", "--attainment", "0.95"}));
  const double rate = found.at("capacity").at("max_rate_per_s").number();
  CHECK(found.at("attainment").number() >= 0.95);
  CHECK(found.at("capacity").at("max_rate_per_s_interval").at("low").number() < rate);
  CHECK(found.at("capacity").at("max_rate_per_s_interval").at("high").number() > rate);
  CHECK(result_of(with({"--rate", std::to_string(1.05 * rate)})).at("attainment").number() < 0.95);
  const auto replicas =
      result_of(with({"--rate", std::to_string(3.5 * rate), "--min-replicas", "--attainment", "0.95"}));
  CHECK(replicas.at("capacity").at("min_replicas").number() >= 3);
  CHECK(replicas.at("capacity").at("min_replicas").number() <= 5);
  CHECK(replicas.at("attainment").number() >= 0.95);
  const auto never =
      result_of({"serve", "llama-3-8b", "--on", "h100", "--requests", "50", "--slo-ttft", "1us", "--max-rate"}, 4);
  CHECK(never.at("capacity").at("max_rate_per_s").is_null());
}

TEST_CASE("shared prefixes spare prompt work, and disaggregation keeps prompts out of decoding") {
  const std::vector<std::string> base = {"serve",  "llama-3-8b", "--on",           "h100", "--requests",      "200",
                                         "--rate", "5",          "--prefix-share", "0.75", "--prefix-groups", "2"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  const auto shared = result_of(base), apart = result_of(with({"--no-prefix-cache"}));
  CHECK(shared.at("prefix_hit_rate").number() > 0.7);
  CHECK(apart.at("prefix_hit_rate").number() == 0);
  CHECK(shared.at("ttft_s").number() < apart.at("ttft_s").number());
  const auto pools = result_of(with({"--no-prefix-cache", "--prefill-replicas", "1"}));
  CHECK(pools.at("latency").at("itl_s").at("p99").number() < apart.at("latency").at("itl_s").at("p99").number());
}

TEST_CASE("a load beyond what is served is said to be one, a load within is not") {
  const auto warned = [](const char* rate) {
    const Answer answer = ask({"serve", "llama-3-8b", "--on", "h100", "--requests", "600", "--rate", rate, "--json"});
    REQUIRE(answer.code == 0);
    return answer.out.find("arrive faster than they are served") != std::string::npos;
  };
  CHECK(warned("30"));
  CHECK_FALSE(warned("3"));
}

TEST_CASE("serve draws a roofline with this model's operations and caches of other attention") {
  const std::string plot = std::filesystem::temp_directory_path().string() + "/serve_plot.plot.csv";
  const Answer answer = ask({"serve", "llama-3-8b", "--on", "h100", "-o", plot, "-q"});
  REQUIRE(answer.code == 0);
  const std::string stem = std::filesystem::temp_directory_path().string() + "/serve_plot-";
  const std::string roof = isoflop::read_file(stem + "roofline.plot.csv"),
                    cache = isoflop::read_file(stem + "kv-cache.plot.csv");
  for (const char* name : {"MLP", "attention core", "logits", "roof"}) CHECK(roof.find(name) != std::string::npos);
  for (const char* name : {"MHA", "GQA", "MQA", "window 4096", "4 sinks"}) CHECK(cache.find(name) != std::string::npos);
}

TEST_CASE("what cannot be simulated is refused or said") {
  const auto refused = [](std::vector<std::string> more) {
    more.insert(more.begin(), {"serve", "llama-3-8b", "--on", "h100"});
    const Answer answer = ask(more);
    CHECK(answer.code == 2);
    return answer.err;
  };
  CHECK(refused({"--rate", "1", "--concurrency", "2"}).find("choose one") != std::string::npos);
  CHECK(refused({"--slo-ttft", "1s"}).find("--rate") != std::string::npos);
  CHECK(refused({"--max-rate"}).find("--slo-ttft") != std::string::npos);
  CHECK(refused({"--rate", "1", "--fits"}).find("closed form") != std::string::npos);
  CHECK(refused({"--rate", "1", "--step-tokens", "8"}).find("every sequence") != std::string::npos);
  CHECK_FALSE(result_of({"serve", "llama-3-70b", "--on", "h100", "--rate", "1"}, 4).at("fits_in_memory").truth());
}
