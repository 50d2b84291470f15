// Results of lm-evaluation-harness as scores: one per task, metric and filter, with standard error and number of shots.
//   {"results": {"mmlu": {"acc,none": 0.684, "acc_stderr,none": 0.0037, "alias": "mmlu"}, ...}, "n-shot": {"mmlu": 5},
//    "n-samples": {"mmlu": {"effective": 14042}}, "model_name": "microsoft/Phi-3-mini-4k-instruct", "config": {...}}
// Files before version 0.4 name metrics without a filter ("acc") and the model in config.model_args. A standard error
// may be the text "N/A". Scores at different numbers of shots are different measurements and never mix. Source:
// github.com/EleutherAI/lm-evaluation-harness, docs/interface.md and evaluator.py's output.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isoflop {

struct HarnessScore {  ///< One score of one task, metric and filter.
  std::string task;    ///< "mmlu", as the harness names it
  std::string metric;  ///< "acc", "acc_norm", "exact_match"
  std::string filter;  ///< "none", "strict-match"; empty in old files
  double value = 0;    ///< as written, usually a fraction
  std::optional<double> standard_error;
  std::optional<std::int64_t> shots, samples;
};

struct HarnessResults {  ///< One results file.
  std::string model;  ///< empty where the file does not say
  std::string date;   ///< ISO; empty where the file does not say
  std::vector<HarnessScore> scores;
  std::string partial;  ///< why these are scores of a part of the benchmark only ("limit 10"); empty otherwise
};

/// Throws Error (BadInput): not JSON (file:line:column), no "results", a value that is no number.
HarnessResults read_harness_results(std::string_view json, const std::string& file);

/// The metric a task is usually ranked by, among those that are there: exact_match strict-match, acc_norm for arc,
/// hellaswag, piqa, openbookqa; acc else. Nothing when none is a known one.
const HarnessScore* headline_score(const HarnessResults& results, const std::string& task);

/// Tasks in order of appearance.
std::vector<std::string> harness_tasks(const HarnessResults& results);

}  // namespace isoflop
