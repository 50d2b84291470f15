// `models import-scores`: lm-evaluation-harness results as a table that `outliers --add` and `--score-only` read.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "apps/commands.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/error.h"
#include "isoflop/import/eval_harness.h"
#include "isoflop/number_text.h"
#include "isoflop/sha256.h"

namespace isoflop::app {
namespace {

bool is_share(const std::string& metric) {
  for (const char* name : {"acc", "acc_norm", "exact_match", "mc1", "mc2", "f1", "em", "pass@1", "pass_at_1",
                           "inst_level_strict_acc", "prompt_level_strict_acc"})
    if (metric == name) return true;
  return false;
}

std::string stem(const std::string& path) {
  const auto slash = path.rfind('/'), dot = path.rfind('.');
  const std::size_t start = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(start, dot == std::string::npos || dot < start ? std::string::npos : dot - start);
}

TableCell cell(const std::optional<double>& x) { return x ? TableCell(*x) : TableCell(); }
TableCell count_cell(const std::optional<std::int64_t>& x) { return x ? TableCell(*x) : TableCell(); }

class ModelsImportScores : public Command {
 public:
  std::string name() const override { return "models import-scores"; }
  std::string summary() const override {
    return "Read results of lm-evaluation-harness into a score table for outliers.";
  }
  std::string examples() const override {
    return "isoflop models import-scores results.json\n"
           "isoflop models import-scores results_*.json --task mmlu -o scores.csv\n"
           "isoflop models import-scores mine.json --task mmlu --active-params 7B --tokens 2T -o mine.csv\n"
           "isoflop outliers --benchmark mmlu --score-only mine.csv";
  }
  void declare(OptionSet& options) override {
    options.positionals("file", files_, "results files of lm-evaluation-harness");
    options.text("--task", task_, "only this task, one row a model; default: every task");
    options.text("--metric", metric_, "e.g. acc_norm; default: the one the task is usually ranked by");
    options.group("The model, where neither file nor catalogue says");
    options.text("--name", name_, "its name");
    options.number("--active-params", active_params_, "parameters used per token", NumberRange::positive());
    options.number("--tokens", tokens_, "training tokens", NumberRange::positive());
    options.text("--family", family_, "its family");
    options.text("--release-date", release_date_, "ISO date");
  }

  Report run(const Settings& settings) override {
    if (files_.size() > 1 &&
        (!name_.empty() || active_params_ || tokens_ || !family_.empty() || !release_date_.empty()))
      throw Error(Fault::Usage,
                  "--name, --active-params, --tokens, --family and --release-date describe one model: give one file");
    const auto catalogue = ModelCatalogue::load(settings.data);
    Report report;
    table_.title = "Scores";
    table_.columns = {{"name", "name", Align::Left},
                      {"task", "task", Align::Left},
                      {"score", "score", Align::Right, 4},
                      {"± s.e.", "standard_error", Align::Right, 2},
                      {"shots", "shots"},
                      {"metric", "metric", Align::Left},
                      {"active parameters", "active_params", Align::Right, 3, true},
                      {"tokens", "tokens", Align::Right, 3, true},
                      {"family", "family", Align::Left},
                      {"release date", "release_date", Align::Left},
                      {"filter", "filter", Align::Left},
                      {"samples", "samples"},
                      {"evaluated", "evaluation_date", Align::Left},
                      {"unit", "unit", Align::Left},
                      {"file", "source", Align::Left}};
    for (const std::string& file : files_) add_file(file, catalogue, report);
    if (table_.rows.empty()) throw Error(Fault::Usage, unknown_task());
    note_shots(report);
    report.result["scores"] = std::move(values_);
    report.headline = fmt::format("Scores: {}, models: {}{}.", table_.rows.size(), models_.size(),
                                  task_.empty() ? "" : ", task " + task_);
    if (incomplete_ > 0)
      report.warnings.push_back(fmt::format(
          "rows without active parameters or tokens: {}; outliers leaves them out; give --active-params and --tokens",
          incomplete_));
    if (task_.empty() && tasks_.size() > 1)
      report.warnings.push_back("several tasks in one table: outliers reads one a table; choose with --task");
    // People see what fits a terminal; files hold every column.
    report.data_table = table_;
    ReportTable shown = table_;
    const std::size_t columns = 8;
    shown.columns.resize(columns);
    for (auto& row : shown.rows) row.resize(columns);
    shown.note = "scores in percentage points where the metric is a share";
    report.tables = {std::move(shown)};
    return report;
  }

 private:
  void add_file(const std::string& file, const ModelCatalogue& catalogue, Report& report) {
    const std::string text = read_file(file);
    const HarnessResults results = read_harness_results(text, file == "-" ? "<stdin>" : file);
    const std::string model = !name_.empty() ? name_ : results.model.empty() ? stem(file) : results.model;
    const ModelRecord* record = catalogue.find(model);
    if (!record && model.find('/') != std::string::npos) record = catalogue.find(model.substr(model.rfind('/') + 1));
    std::optional<double> params = active_params_, tokens = tokens_;
    if (record && !params && record->params_active()) params = static_cast<double>(*record->params_active());
    if (record && !tokens && record->training_tokens) tokens = static_cast<double>(*record->training_tokens);
    if (!results.partial.empty())
      report.warnings.push_back(fmt::format(
          "{}: the harness ran a part of the benchmark ({}); no score of it compares with published ones", file,
          results.partial));
    std::size_t used = 0;
    for (const std::string& task : harness_tasks(results)) {
      tasks_.insert(task);
      if (!task_.empty() && task != task_) continue;
      const HarnessScore* s = nullptr;
      if (metric_.empty()) s = headline_score(results, task);
      else
        for (const HarnessScore& each : results.scores)
          if (!s && each.task == task && each.metric == metric_) s = &each;
      if (!s) continue;
      const bool share = is_share(s->metric) && s->value >= 0 && s->value <= 1;
      const double scale = share ? 100 : 1;
      std::optional<double> error = s->standard_error;
      if (error) *error *= scale;
      const std::string family = !family_.empty() ? family_
                                 : record         ? record->family
                                                  : "",
                        date = !release_date_.empty() ? release_date_
                               : record               ? record->release_date
                                                      : "";
      table_.rows.push_back({model, task, scale * s->value, cell(error), count_cell(s->shots), s->metric, cell(params),
                             cell(tokens), family, date, s->filter, count_cell(s->samples), results.date,
                             std::string(share ? "percentage points" : "as written"), file});
      values_.push_back(Value::object({{"name", model},
                                       {"task", task},
                                       {"metric", s->metric},
                                       {"filter", s->filter},
                                       {"score", scale * s->value},
                                       {"standard_error", Value(error)},
                                       {"shots", Value(s->shots)},
                                       {"samples", Value(s->samples)},
                                       {"active_params", Value(params)},
                                       {"tokens", Value(tokens)},
                                       {"family", family},
                                       {"release_date", date}}));
      models_.insert(model);
      shots_[task].insert(s->shots.value_or(-1));
      if (!params || !tokens) ++incomplete_;
      if (!share)
        report.warnings.push_back(fmt::format("{}: {} {} = {} is no share between 0 and 1 and stays as written", model,
                                              task, s->metric, format_number(s->value)));
      ++used;
    }
    report.inputs.push_back({file, sha256_hex(text), used, results.scores.size() - used});
  }

  void note_shots(Report& report) const {
    for (const auto& [task, shots] : shots_) {
      if (shots.size() < 2) continue;
      std::string list;
      for (const std::int64_t s : shots)
        list += (list.empty() ? "" : ", ") + (s < 0 ? std::string("unknown") : std::to_string(s));
      report.warnings.push_back(task + " was measured at different numbers of shots (" + list +
                                "): those scores are not comparable");
    }
  }

  std::string unknown_task() const {
    std::vector<std::string> tasks(tasks_.begin(), tasks_.end());
    if (!task_.empty() && tasks_.count(task_) == 0) return unknown_name("task", task_, tasks).what();
    return metric_.empty() ? "no task has a metric that is known to rank it; name one with --metric"
                           : "no task has the metric \"" + metric_ + "\"";
  }

  std::vector<std::string> files_;
  std::string task_, metric_, name_, family_, release_date_;
  std::optional<double> active_params_, tokens_;
  ReportTable table_;
  Value values_ = Value::array();
  std::set<std::string> models_, tasks_;
  std::map<std::string, std::set<std::int64_t>> shots_;
  std::size_t incomplete_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_models_import_scores() { return std::make_unique<ModelsImportScores>(); }

}  // namespace isoflop::app
