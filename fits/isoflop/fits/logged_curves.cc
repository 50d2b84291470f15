#include "isoflop/fits/logged_curves.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

#include "isoflop/error.h"

namespace isoflop::fits {
namespace {

struct RunSize {
  double params = 0, tokens_per_step = 0;
};

class RunSizes {
 public:
  explicit RunSizes(const CsvTable& table) : name_(table.name()) {
    const auto run = table.find_any({"run", "name", "run_name"});
    const std::size_t run_column = run ? *run : table.column("run");
    const std::size_t params = table.column("params"), per_step = table.column("tokens_per_step");
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const RunSize size{table.required_number(row, params), table.required_number(row, per_step)};
      if (!(size.params > 0)) table.reject(row, params, "must be positive");
      if (!(size.tokens_per_step > 0)) table.reject(row, per_step, "must be positive");
      const std::string named(table.text(row, run_column));
      if (!sizes_.emplace(named, size).second) table.reject(row, run_column, "run \"" + named + "\" is there twice");
    }
  }

  const RunSize& of(const std::string& run, const CsvTable& export_table) const {
    const auto entry = sizes_.find(run);
    if (entry != sizes_.end()) return entry->second;
    std::string known;
    for (const auto& [name, size] : sizes_) known += (known.empty() ? "" : ", ") + name;
    throw Error(Fault::BadInput, export_table.name() + ":1:1: run \"" + run + "\" has no size in " + name_ +
                                     ", which names " + (known.empty() ? "no run" : known));
  }

 private:
  std::string name_;
  std::map<std::string, RunSize> sizes_;
};

// "run-big lr-tag-eval_loss.csv" and "big lr.csv" both name the run "big lr".
std::string run_of_file(const std::string& path) {
  std::string stem = std::filesystem::path(path).stem().string();
  const auto tag = stem.rfind("-tag-");
  if (stem.starts_with("run-") && tag != std::string::npos && tag > 4) return stem.substr(4, tag - 4);
  return stem;
}

TrainingCurve read_series(const CsvTable& table, const std::string& run, std::size_t step_column,
                          std::size_t loss_column, const RunSize& size) {
  TrainingCurve curve{run, size.params, {}, {}};
  std::vector<std::pair<double, double>> points;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto loss = table.number(row, loss_column);
    if (!loss) continue;
    if (!(*loss > 0)) table.reject(row, loss_column, "must be positive");
    const double step = table.required_number(row, step_column);
    if (step > 0) points.emplace_back(step * size.tokens_per_step, *loss);
  }
  std::stable_sort(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [tokens, loss] : points) {
    // A step logged again after a restart: the later line counts.
    if (!curve.tokens.empty() && tokens == curve.tokens.back())
      curve.loss.back() = loss;
    else
      curve.tokens.push_back(tokens), curve.loss.push_back(loss);
  }
  return curve;
}

enum class Form { Plain, Chart, Scalars };

Form form_of(const CsvTable& table) {
  if (table.find_any({"wall time"}) && table.find_any({"step"}) && table.find_any({"value"})) return Form::Scalars;
  if (!table.find_any({"step"}) || table.find_any({"loss"})) return Form::Plain;
  for (const std::string& column : table.columns())
    if (column.find(" - ") != std::string::npos) return Form::Chart;
  return Form::Plain;
}

void read_chart(const CsvTable& table, const RunSizes& sizes, std::vector<TrainingCurve>& curves) {
  const std::size_t step = *table.find_any({"step"});
  for (std::size_t c = 0; c < table.columns().size(); ++c) {
    const std::string& column = table.columns()[c];
    const auto dash = column.rfind(" - ");
    if (c == step || dash == std::string::npos || column.ends_with("__MIN") || column.ends_with("__MAX")) continue;
    // The chart also carries each run's own step counter, named like the
    // metric.
    if (column.substr(dash + 3) == "_step") continue;
    const std::string run = column.substr(0, dash);
    curves.push_back(read_series(table, run, step, c, sizes.of(run, table)));
  }
}

}  // namespace

std::vector<TrainingCurve> read_curve_files(const std::vector<CsvTable>& files, const std::optional<CsvTable>& sizes) {
  std::optional<RunSizes> known;
  if (sizes) known.emplace(*sizes);
  std::vector<TrainingCurve> curves;
  for (const CsvTable& table : files) {
    const Form form = form_of(table);
    if (form == Form::Plain) {
      auto more = read_training_curves(table);
      curves.insert(curves.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
      continue;
    }
    if (!known)
      throw Error(Fault::Usage, table.name() + std::string(" is a logger's export, which knows neither sizes nor "
                                                           "tokens: give them "
                                                           "with --run-sizes FILE (run,params,tokens_per_step)"));
    if (form == Form::Chart) {
      read_chart(table, *known, curves);
    } else {
      const std::string run = run_of_file(table.name());
      curves.push_back(
          read_series(table, run, *table.find_any({"step"}), *table.find_any({"value"}), known->of(run, table)));
    }
  }
  std::map<std::string, std::size_t> seen;
  for (const auto& curve : curves)
    if (++seen[curve.run] > 1)
      throw Error(Fault::BadInput, "training curves: run \"" + curve.run +
                                       "\" is told twice (in one file or in "
                                       "two); keep one metric of it");
  return curves;
}

}  // namespace isoflop::fits
