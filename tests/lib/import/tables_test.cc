// Score files of lm-evaluation-harness, Epoch's table of models, MLPerf summaries: made by hand, good and hostile.
#include <doctest/doctest.h>

#include <functional>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/import/epoch_models.h"
#include "isoflop/import/eval_harness.h"
#include "isoflop/import/mlperf_summary.h"

using namespace isoflop;

namespace {

bool refused(const std::function<void()>& read, const std::string& about) {
  std::string what = "nothing";
  try {
    read();
  } catch (const Error& problem) {
    what = problem.what();
  }
  INFO(what);
  return what.find(about) != std::string::npos;
}
bool bad_results(const std::string& json, const std::string& about) {
  return refused([&] { read_harness_results(json, "r.json"); }, about);
}
bool bad_epoch(const std::string& csv, const std::string& about) {
  return refused([&] { read_epoch_models(CsvTable::parse(csv, "e.csv")); }, about);
}
bool bad_mlperf(const std::string& csv, const std::string& about) {
  return refused([&] { read_mlperf_summary(CsvTable::parse(csv, "m.csv")); }, about);
}

}  // namespace

TEST_CASE("harness results keep metric, filter, standard error, shots and samples apart") {
  const auto r =
      read_harness_results(R"({"results": {"mmlu": {"acc,none": 0.6841, "acc_stderr,none": 0.0037, "alias": "mmlu"},
      "arc_challenge": {"alias": "arc", "acc,none": 0.5, "acc_norm,none": 0.55, "acc_norm_stderr,none": "N/A"},
      "gsm8k": {"exact_match,flexible-extract": 0.8, "exact_match,strict-match": 0.75, "exact_match_stderr,strict-match": 0.01}},
    "n-shot": {"mmlu": 5, "gsm8k": 8}, "n-samples": {"mmlu": {"original": 14042, "effective": 14042}}, "model_name": "microsoft/Phi-3-mini-4k-instruct", "date": 1713916800.5})",
                           "r.json");
  CHECK(r.model == "microsoft/Phi-3-mini-4k-instruct");
  CHECK(r.date == "2024-04-24");
  CHECK(harness_tasks(r) == std::vector<std::string>{"mmlu", "arc_challenge", "gsm8k"});
  const HarnessScore* mmlu = headline_score(r, "mmlu");
  REQUIRE(mmlu);
  CHECK(mmlu->value == 0.6841);
  CHECK(mmlu->standard_error == 0.0037);
  CHECK(mmlu->shots == 5);
  CHECK(mmlu->samples == 14042);
  CHECK(headline_score(r, "arc_challenge")->metric == "acc_norm");
  CHECK_FALSE(headline_score(r, "arc_challenge")->standard_error);
  CHECK(headline_score(r, "gsm8k")->value == 0.75);
  CHECK_FALSE(headline_score(r, "winogrande"));
}

TEST_CASE("results of the harness before 0.4 name metrics without filter and the model in its arguments") {
  const auto r = read_harness_results(
      R"({"results": {"hendrycksTest": {"acc": 0.25, "acc_stderr": 0.01}}, "versions": {"hendrycksTest": 1},
    "config": {"model": "hf-causal", "model_args": "pretrained=EleutherAI/pythia-1b,dtype=float16", "num_fewshot": 5}})",
      "r.json");
  CHECK(r.model == "EleutherAI/pythia-1b");
  CHECK(headline_score(r, "hendrycksTest")->filter.empty());
  CHECK(headline_score(r, "hendrycksTest")->standard_error == 0.01);
}

TEST_CASE("what is no harness result is refused with its place") {
  CHECK(bad_results("{\"results\": ", "r.json:1:"));
  CHECK(bad_results("[]", "expected an object"));
  CHECK(bad_results("{}", "no object \"results\""));
  CHECK(bad_results(R"({"results": []})", "no object \"results\""));
  CHECK(bad_results(R"({"results": {}})", "holds no score"));
  CHECK(bad_results(R"({"results": {"mmlu": 0.5}})", "no object of metrics"));
  CHECK(bad_results(R"({"results": {"mmlu": {"acc,none": "good"}}})", "is not a number"));
  CHECK(bad_results(R"({"results": {"mmlu": {"acc,none": NaN}}})", "not JSON"));
  CHECK(bad_results(std::string(100000, '['), "nested more than 200 deep"));
  std::string many = R"({"results": {"t": {"m0": 1)";
  for (int i = 1; i < 1002; ++i) many += ", \"m" + std::to_string(i) + "\": 1";
  CHECK(bad_results(many + "}}}", "1002 metrics; expected at most 1000"));
}

TEST_CASE("Epoch's columns are found under old and new names; empty, NaN and Infinity are unknown") {
  const auto models = read_epoch_models(CsvTable::parse(
      "Model,Domain,Organization,Publication date,Parameters,Training compute (FLOP),Training dataset size "
      "(datapoints),Epochs,Training time (hours),Abstract\n"
      "\"Llama, 3\",Language,Meta AI,2024-04-18,70600000000,6.4e+24,15000000000000,,NaN,\"two\nlines\"\n"
      "GPT-X,\"Multimodal,Language\",OpenAI,2024,,Infinity,,2,,\n",
      "e.csv"));
  REQUIRE(models.size() == 2);
  CHECK(models[0].name == "Llama, 3");
  CHECK(models[0].params == 7.06e10);
  CHECK(models[0].datapoints_seen() == 1.5e13);
  CHECK_FALSE(models[0].hours);
  CHECK_FALSE(models[1].params);
  CHECK_FALSE(models[1].compute_flop);
  CHECK_FALSE(models[1].datapoints_seen());
  const auto old = read_epoch_models(
      CsvTable::parse("System,Parameters,Training dataset size (datapoints),Epochs\nA,1e9,1e10,4\n", "e.csv"));
  CHECK(old[0].datapoints_seen() == 4e10);
}

TEST_CASE("an Epoch table that is none, or holds what no cell may, is refused with file, line and column") {
  CHECK(bad_epoch("a,b\n1,2\n", "e.csv:1: expected the columns"));
  CHECK(bad_epoch("Model,Parameters\nA,many\n", "e.csv:2:2: column \"Parameters\": \"many\" is not a number"));
  CHECK(bad_epoch("Model,Parameters\nA,-7\n", "\"-7\" is negative"));
  CHECK(bad_epoch("Model,Parameters\n,7\n", "expected the model's name"));
  CHECK(bad_epoch("Model,Parameters,Publication date\nA,7,4/23/2024\n", "is not a date such as"));
  CHECK(bad_epoch("Model,Parameters\nA\n", "e.csv:2"));
  CHECK(bad_epoch("", "e.csv"));
}

TEST_CASE("MLPerf rows of language models become tokens per second, whatever their label says") {
  const auto s = read_mlperf_summary(
      CsvTable::parse("Organization,Platform,Model,Scenario,Result,accelerator_model_name,accelerators_per_node,number_"
                      "of_nodes,version,Units\n"
                      "NVIDIA,DGX,llama2-70b-99,Offline,31263.8,NVIDIA H200-SXM-141GB,8,1,v4.0,Samples/s\n"
                      "NVIDIA,DGX,gptj-99,Server,272.1,NVIDIA H200-SXM-141GB,8,1,v4.0,Queries/s\n"
                      "X,CPU only,llama2-70b-99,Offline,10,,0,1,v4.0,Samples/s\n"
                      "X,S,resnet50,Offline,704000,A,8,1,v4.0,Samples/s\n"
                      "X,S,llama2-70b-99.9,Offline,20000,A,8,2,v4.0,Tokens/s\n",
                      "m.csv"));
  REQUIRE(s.results.size() == 3);
  CHECK(s.results[0].unit == "tokens/s");
  CHECK(s.results[0].unit_stated == "Samples/s");
  CHECK(agrees(s.results[0].per_device(), 31263.8 / 8, 12));
  CHECK(s.results[1].unit == "samples/s");
  CHECK(s.results[2].devices == 16);
  CHECK(s.left_out == 2);
  CHECK(s.other_models == std::vector<std::string>{"resnet50"});
}

TEST_CASE("an MLPerf summary that is none is refused with file, line and column") {
  const std::string header = "Model,Scenario,Result,accelerators_per_node\n";
  CHECK(bad_mlperf("a,b\n1,2\n", "m.csv:1: there is no column \"Model\""));
  CHECK(bad_mlperf("Model,Scenario,Result\nllama2-70b-99,Offline,1\n", "accelerators_per_node"));
  CHECK(bad_mlperf(header + "llama2-70b-99,Offline,fast,8\n", "m.csv:2:3: column \"Result\": \"fast\" is not a rate"));
  CHECK(bad_mlperf(header + "llama2-70b-99,Offline,-1,8\n", "is not a rate"));
  CHECK(bad_mlperf(header + "llama2-70b-99,Offline,1e999,8\n", "is not a rate"));
  CHECK(bad_mlperf(header + "llama2-70b-99,Offline,1,2.5\n", "is not a number of devices"));
}
