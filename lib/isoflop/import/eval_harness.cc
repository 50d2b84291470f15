#include "isoflop/import/eval_harness.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/report/value.h"

namespace isoflop {
namespace {

// The harness knows some thousand tasks with a handful of metrics each; more would only cost time.
constexpr std::size_t most_tasks = 10000, most_metrics = 1000;

[[noreturn]] void reject(const std::string& file, const std::string& problem) {
  throw Error(Fault::BadInput, file + ": " + problem);
}

std::string text_of(const Value* value) { return value && value->is_text() ? value->text() : std::string(); }

std::optional<std::int64_t> count_of(const Value* value) {
  if (!value || !value->is_number() || !(value->number() >= 0) || value->number() > 1e12) return std::nullopt;
  return static_cast<std::int64_t>(value->number());
}

// "pretrained=org/name,dtype=bfloat16" -> "org/name"; newer files hold an object.
std::string pretrained(const Value* arguments) {
  if (!arguments) return "";
  if (const Value* named = arguments->find("pretrained")) return text_of(named);
  const std::string text = text_of(arguments);
  const auto at = text.find("pretrained=");
  if (at == std::string::npos) return "";
  const auto start = at + std::string_view("pretrained=").size();
  return text.substr(start, text.find(',', start) - start);
}

std::string model_of(const Value& root) {
  if (const std::string name = text_of(root.find("model_name")); !name.empty()) return name;
  const Value* config = root.find("config");
  if (!config) return "";
  if (const std::string name = pretrained(config->find("model_args")); !name.empty()) return name;
  return text_of(config->find("model"));
}

// The harness writes seconds since 1970.
std::string date_of(const Value& root) {
  const Value* seconds = root.find("date");
  if (!seconds || !seconds->is_number() || !(seconds->number() > 0) || seconds->number() > 4e9) return "";
  // Days to a civil date: H. Hinnant, "chrono-compatible low-level date algorithms".
  const std::int64_t days = static_cast<std::int64_t>(seconds->number()) / 86400 + 719468;
  const std::int64_t era = days / 146097, of_era = days % 146097;
  const std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted = (5 * of_year + 2) / 153, month = shifted < 10 ? shifted + 3 : shifted - 9;
  return fmt::format("{:04}-{:02}-{:02}", year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
                     of_year - (153 * shifted + 2) / 5 + 1);
}

bool is_standard_error(const std::string& metric) {
  return metric.size() > 7 && metric.substr(metric.size() - 7) == "_stderr";
}

/// A run with --limit is a trial: its scores stand for as many examples of each task, or for that share of them.
std::string partial_run(const Value& root) {
  const Value* config = root.find("config");
  const Value* limit = config ? config->find("limit") : nullptr;
  if (limit && limit->is_number() && limit->number() > 0) return "limit " + format_number(limit->number());
  const Value* samples = root.find("n-samples");
  if (!samples || !samples->is_object()) return "";
  for (const auto& [task, counts] : samples->members()) {
    const auto original = count_of(counts.find("original"));
    const auto effective = count_of(counts.find("effective"));
    if (original && effective && *effective < *original)
      return fmt::format("{} of {} examples of {}", *effective, *original, task);
  }
  return "";
}

}  // namespace

HarnessResults read_harness_results(std::string_view json, const std::string& file) {
  const Value root = parse_json(json, file);
  if (!root.is_object()) reject(file, "expected an object with \"results\", as lm-evaluation-harness writes");
  const Value* results = root.find("results");
  if (!results || !results->is_object())
    reject(file, "there is no object \"results\"; expected the results file of lm-evaluation-harness");
  HarnessResults found;
  found.model = model_of(root);
  found.date = date_of(root);
  found.partial = partial_run(root);
  const Value *shots = root.find("n-shot"), *samples = root.find("n-samples"), *configs = root.find("configs");
  if (results->members().size() > most_tasks)
    reject(file, fmt::format("{} tasks; expected at most {}", results->members().size(), most_tasks));
  for (const auto& [task, metrics] : results->members()) {
    if (!metrics.is_object()) reject(file, fmt::format("results: \"{}\" is no object of metrics", task));
    if (metrics.members().size() > most_metrics)
      reject(file, fmt::format("results: \"{}\" has {} metrics; expected at most {}", task, metrics.members().size(),
                               most_metrics));
    std::optional<std::int64_t> task_shots = shots ? count_of(shots->find(task)) : std::nullopt;
    if (!task_shots && configs)
      if (const Value* config = configs->find(task)) task_shots = count_of(config->find("num_fewshot"));
    if (!task_shots)  // files before 0.4 state it once for all tasks
      if (const Value* config = root.find("config")) task_shots = count_of(config->find("num_fewshot"));
    std::optional<std::int64_t> task_samples;
    if (const Value* counts = samples ? samples->find(task) : nullptr)
      task_samples = count_of(counts->find("effective"));
    for (const auto& [key, value] : metrics.members()) {
      const auto comma = key.find(',');
      const std::string metric = key.substr(0, comma);
      if (!value.is_number()) {
        if (key == "alias" || key == "name" || is_standard_error(metric) || value.is_null() ||
            comma == std::string::npos)
          continue;
        reject(file, fmt::format("results: \"{}\": \"{}\" is not a number", task, key));
      }
      if (is_standard_error(metric) || key == "sample_len" || key == "samples") continue;
      if (!std::isfinite(value.number())) reject(file, fmt::format("results: \"{}\": \"{}\" is not finite", task, key));
      HarnessScore score{task,           metric,       comma == std::string::npos ? "" : key.substr(comma + 1),
                         value.number(), std::nullopt, task_shots,
                         task_samples};
      const std::string error_key = metric + "_stderr" + (comma == std::string::npos ? "" : key.substr(comma));
      if (const Value* error = metrics.find(error_key); error && error->is_number() && error->number() >= 0)
        score.standard_error = error->number();
      found.scores.push_back(std::move(score));
    }
  }
  if (found.scores.empty()) reject(file, "\"results\" holds no score");
  return found;
}

std::vector<std::string> harness_tasks(const HarnessResults& results) {
  std::vector<std::string> tasks;
  for (const HarnessScore& s : results.scores)
    if (tasks.empty() || tasks.back() != s.task) tasks.push_back(s.task);
  return tasks;
}

const HarnessScore* headline_score(const HarnessResults& results, const std::string& task) {
  const auto find = [&](const std::string& metric, const std::string& filter) -> const HarnessScore* {
    for (const HarnessScore& s : results.scores)
      if (s.task == task && s.metric == metric && (filter.empty() || s.filter == filter)) return &s;
    return nullptr;
  };
  const bool normalised = task.rfind("arc_", 0) == 0 || task.rfind("hellaswag", 0) == 0 || task.rfind("piqa", 0) == 0 ||
                          task.rfind("openbookqa", 0) == 0;
  if (normalised)
    if (const HarnessScore* s = find("acc_norm", "")) return s;
  for (const auto& [metric, filter] : std::vector<std::pair<std::string, std::string>>{{"acc", ""},
                                                                                       {"exact_match", "strict-match"},
                                                                                       {"exact_match", ""},
                                                                                       {"pass@1", ""},
                                                                                       {"pass_at_1", ""},
                                                                                       {"acc_norm", ""},
                                                                                       {"mc2", ""},
                                                                                       {"prompt_level_strict_acc", ""}})
    if (const HarnessScore* s = find(metric, filter)) return s;
  return nullptr;
}

}  // namespace isoflop
