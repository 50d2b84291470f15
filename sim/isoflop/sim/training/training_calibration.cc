#include "isoflop/sim/training/training_calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "isoflop/error.h"
#include "isoflop/parallel.h"

namespace isoflop::sim {
namespace {

// Work of a row, counted once, so that a fit prices it many times.
struct Prepared {
  TrainingWork work;
  DevicePeaks peaks;
  double tokens_per_device = 0;
  std::string chip, stack, group, id;
  double measured_rate = 0;

  double rate(const TrainingConstants& c) const { return tokens_per_device / training_time(work, peaks, c).step_s; }
};

Prepared prepare(const TrainingSample& s) {
  Prepared p;
  p.work = training_work(s.run);
  p.peaks = peaks_of(s.run.accelerator, s.run.precision);
  p.tokens_per_device = s.run.tokens_per_step() / static_cast<double>(s.run.layout.devices());
  p.chip = s.accelerator;
  p.stack = s.stack;
  p.group = s.group;
  p.id = s.row_id;
  p.measured_rate = s.measured_rate();
  return p;
}

// How far a cell may stray from the wider one, in units of ln: overheads vary most from stack to stack, then the
// kernels that were rewritten over the years, least what a well-filled matrix unit reaches.
double prior_spread(std::string_view name, double scale) {
  for (const std::string_view overhead :
       {"half_breadth", "start_s", "expert_start_s", "straggling", "host_bytes_per_s", "expert_exposed"})
    if (name == overhead) return 3 * scale;
  for (const std::string_view kernel : {"attention", "experts", "quantised", "network", "tensor_exposed"})
    if (name == kernel) return 2 * scale;
  return scale;
}

struct CellFit {
  TrainingConstants constants;
  Calibration calibration;        ///< of the constants that were free
  std::vector<std::size_t> free;  ///< their positions in training_constant_list()
};

// The constants that matter for these rows, most influential first: a change by a fifth moves some row by 1 % or more.
// No more of them than a third of the rows; the rest keep the wider cell's value.
std::vector<std::size_t> influential(const std::vector<Prepared>& all, const std::vector<std::size_t>& rows,
                                     const TrainingConstants& center) {
  const auto infos = training_constant_list();
  std::vector<std::pair<double, std::size_t>> influence;
  for (std::size_t k = 0; k < infos.size(); ++k) {
    // From the generic value, so that an overhead which a wider cell made negligible can come back.
    TrainingConstants from = center, to = center;
    from.*infos[k].member = TrainingConstants{}.*infos[k].member;
    to.*infos[k].member = 1.2 * from.*infos[k].member;
    double sum = 0, most = 0;
    for (const std::size_t i : rows) {
      const double moved = std::fabs(std::log(all[i].rate(to) / all[i].rate(from)));
      sum += moved;
      most = std::max(most, moved);
    }
    if (most >= 0.01) influence.emplace_back(-sum, k);
  }
  std::sort(influence.begin(), influence.end());
  influence.resize(std::min(influence.size(), std::max<std::size_t>(1, rows.size() / 3)));
  std::vector<std::size_t> result;
  for (const auto& [negative, k] : influence) result.push_back(k);
  return result;
}

CellFit fit(const std::vector<Prepared>& all, const std::vector<std::size_t>& rows, const TrainingConstants& center,
            double spread, int starts, std::uint64_t seed) {
  const auto infos = training_constant_list();
  CellFit result{center, {}, influential(all, rows, center)};
  CalibrationProblem problem;
  for (const std::size_t k : result.free) {
    const TrainingConstantInfo& info = infos[k];
    Constant c;
    c.name = info.name;
    c.unit = info.unit;
    c.meaning = info.meaning;
    c.start = std::clamp(center.*info.member, info.low, info.high);
    c.low = info.low;
    c.high = info.high;
    c.prior_center = c.start;
    c.prior_log_sd = prior_spread(info.name, spread);
    problem.constants.push_back(std::move(c));
  }
  // A stack with many rows must not drown the others in a wider cell.
  std::map<std::string, double> rows_of_stack;
  for (const std::size_t i : rows) ++rows_of_stack[all[i].stack];
  for (const std::size_t i : rows) {
    const double weight =
        static_cast<double>(rows.size()) / static_cast<double>(rows_of_stack.size()) / rows_of_stack[all[i].stack];
    problem.rows.push_back({all[i].id, all[i].group, all[i].measured_rate, weight});
  }
  const auto with = [&](std::span<const double> values) {
    TrainingConstants c = center;
    for (std::size_t j = 0; j < values.size(); ++j) c.*infos[result.free[j]].member = values[j];
    return c;
  };
  problem.predict = [&](std::span<const double> values, std::size_t row) { return all[rows[row]].rate(with(values)); };
  CalibrationOptions options;
  options.starts = starts;
  options.seed = seed;
  options.max_iterations = 60;
  result.calibration = calibrate(problem, options);
  result.constants = with(result.calibration.values());
  return result;
}

using Cells = std::map<std::pair<std::string, std::string>, std::vector<std::size_t>>;

Cells cells_of(const std::vector<Prepared>& all, const std::vector<std::size_t>& rows) {
  Cells cells;
  for (const std::size_t i : rows) {
    cells[{"any", ""}].push_back(i);
    cells[{all[i].chip, ""}].push_back(i);
    cells[{"any", all[i].stack}].push_back(i);
    cells[{all[i].chip, all[i].stack}].push_back(i);
  }
  return cells;
}

constexpr double spread_of_chip = 0.3, spread_of_stack = 0.2;

struct Fitted {
  std::map<std::pair<std::string, std::string>, CellFit> cells;

  const TrainingConstants& resolve(const std::string& chip, const std::string& stack) const {
    for (const auto& key : {std::pair(chip, stack), std::pair(std::string("any"), stack),
                            std::pair(chip, std::string()), std::pair(std::string("any"), std::string())})
      if (const auto found = cells.find(key); found != cells.end()) return found->second.constants;
    throw Error(Fault::CannotRun, "no cell was fitted");
  }
};

// Accelerators over all stacks and stacks over all accelerators around the generic values; each pair of both around its
// stack, whose software a new accelerator shares.
Fitted fit_all(const std::vector<Prepared>& all, const std::vector<std::size_t>& rows, std::uint64_t seed, int starts) {
  Fitted result;
  const Cells cells = cells_of(all, rows);
  result.cells[{"any", ""}] = fit(all, cells.at({"any", ""}), TrainingConstants{}, spread_of_chip, starts, seed);
  for (const auto& [key, members] : cells)
    if ((key.first == "any") != key.second.empty())
      result.cells[key] = fit(all, members, TrainingConstants{}, spread_of_chip, 1, seed);
  for (const auto& [key, members] : cells)
    if (key.first != "any" && !key.second.empty())
      result.cells[key] = fit(all, members, result.cells.at({"any", key.second}).constants, spread_of_stack, 1, seed);
  return result;
}

}  // namespace

double predicted_rate(const TrainingSample& sample, const TrainingConstants& constants) {
  return prepare(sample).rate(constants);
}

TrainingCalibration calibrate_training(const std::vector<TrainingSample>& samples,
                                       const TrainingCalibrationOptions& options) {
  TrainingCalibration result;
  std::vector<Prepared> all;
  std::vector<std::string> groups;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].whole_run) continue;
    result.rows.push_back(i);
    all.push_back(prepare(samples[i]));
    groups.push_back(all.back().group);
  }
  if (all.size() < training_constant_list().size())
    throw Error(Fault::BadInput, "calibrate training: " + std::to_string(all.size()) +
                                     " usable rows; expected at least " +
                                     std::to_string(training_constant_list().size()));
  std::vector<std::size_t> every(all.size());
  for (std::size_t i = 0; i < every.size(); ++i) every[i] = i;

  const std::vector<int> folds = folds_by_group(groups, options.folds, options.seed);
  const int fold_count = 1 + *std::max_element(folds.begin(), folds.end());
  std::vector<Fitted> fits(static_cast<std::size_t>(fold_count) + 1);
  // The last one sees every row; each other leaves one fold out.
  parallel_for(fits.size(), options.threads, [&](std::size_t f) {
    std::vector<std::size_t> rows;
    for (const std::size_t i : every)
      if (f == fits.size() - 1 || folds[i] != static_cast<int>(f)) rows.push_back(i);
    if (!rows.empty()) fits[f] = fit_all(all, rows, options.seed, f == fits.size() - 1 ? 3 : 1);
  });
  const Fitted& full = fits.back();
  result.overall = full.cells.at({"any", ""}).calibration;
  std::vector<double> ratio(all.size());
  for (const std::size_t i : every) {
    result.in_sample_rate.push_back(all[i].rate(full.resolve(all[i].chip, all[i].stack)));
    const Fitted& unseen = fits[static_cast<std::size_t>(folds[i])];
    result.cross_rate.push_back(all[i].rate(unseen.resolve(all[i].chip, all[i].stack)));
    ratio[i] = all[i].measured_rate / result.cross_rate[i];
  }

  // What a user meets who does not name a stack: the accelerator's constants over all stacks, group left out. And on an
  // accelerator that was never measured: those of all others.
  std::vector<double> unnamed_ratio(all.size()), foreign_ratio(all.size());
  for (const std::size_t i : every) {
    const Fitted& unseen = fits[static_cast<std::size_t>(folds[i])];
    unnamed_ratio[i] = all[i].measured_rate / all[i].rate(unseen.resolve(all[i].chip, ""));
  }
  std::map<std::string, std::vector<std::size_t>> chips;
  std::map<std::string, std::set<std::string>> stacks_of;
  for (const std::size_t i : every) {
    chips[all[i].chip].push_back(i);
    stacks_of[all[i].chip].insert(all[i].stack);
  }
  std::vector<std::string> chip_names;
  for (const auto& [chip, members] : chips) chip_names.push_back(chip);
  parallel_for(chip_names.size(), options.threads, [&](std::size_t k) {
    std::vector<std::size_t> others;
    for (const std::size_t i : every)
      if (all[i].chip != chip_names[k]) others.push_back(i);
    const TrainingConstants c = others.empty()
                                    ? TrainingConstants{}
                                    : fit(all, others, TrainingConstants{}, spread_of_chip, 1, options.seed).constants;
    for (const std::size_t i : chips.at(chip_names[k])) foreign_ratio[i] = all[i].measured_rate / all[i].rate(c);
  });

  // Intervals: of a stack where it has enough groups, else of all rows; each row's own fold left out.
  const auto interval_over = [&](const std::vector<double>& from, const std::vector<std::size_t>& members,
                                 std::optional<int> without) {
    std::vector<double> ratios;
    std::vector<std::string> names;
    for (const std::size_t i : members)
      if (!without || folds[i] != *without) {
        ratios.push_back(from[i]);
        names.push_back(groups[i]);
      }
    return conformal_interval(ratios, names);
  };
  const auto group_count = [&](const std::vector<std::size_t>& members) {
    std::set<std::string> distinct;
    for (const std::size_t i : members) distinct.insert(groups[i]);
    return distinct.size();
  };
  constexpr std::size_t enough_groups = 20, enough_stacks = 3;
  const Cells cells = cells_of(all, every);
  // The narrowest set of rows like this one that has enough groups.
  const auto alike = [&](const std::string& chip, const std::string& stack) -> const std::vector<std::size_t>& {
    if (const auto found = cells.find({chip, stack});
        found != cells.end() && group_count(found->second) >= enough_groups)
      return found->second;
    if (const auto found = cells.find({"any", stack});
        found != cells.end() && group_count(found->second) >= enough_groups)
      return found->second;
    return every;
  };
  for (const std::size_t i : every)
    result.interval.push_back(interval_over(ratio, alike(all[i].chip, all[i].stack), folds[i]));
  std::vector<std::size_t> many_stacks;
  for (const std::size_t i : every)
    if (stacks_of[all[i].chip].size() >= enough_stacks) many_stacks.push_back(i);
  std::set<std::string> seen(groups.begin(), groups.end());
  result.profile.saw_groups(seen);
  for (const auto& [key, fitted] : full.cells) {
    const auto& members = cells.at(key);
    TrainingCell cell;
    cell.chip = key.first;
    cell.stack = key.second;
    cell.constants = fitted.constants;
    cell.standard_errors.assign(training_constant_list().size(), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t j = 0; j < fitted.free.size(); ++j)
      if (fitted.calibration.constants[j].identified)
        cell.standard_errors[fitted.free[j]] = fitted.calibration.constants[j].value.se;
    cell.groups = group_count(members);
    const bool anywhere = key.first == "any" && key.second.empty(), unnamed = !anywhere && key.second.empty();
    const std::vector<double>& from = anywhere ? foreign_ratio : unnamed ? unnamed_ratio : ratio;
    std::vector<double> measured, predicted;
    for (const std::size_t i : members) {
      measured.push_back(all[i].measured_rate);
      predicted.push_back(all[i].measured_rate / from[i]);
    }
    if (unnamed)
      cell.interval = interval_over(
          from, stacks_of[key.first].size() >= enough_stacks || many_stacks.empty() ? members : many_stacks,
          std::nullopt);
    else
      cell.interval = interval_over(from, anywhere ? every : alike(key.first, key.second), std::nullopt);
    cell.cross_validated_mape = accuracy_of(measured, predicted).mape;
    cell.rows = members.size();
    result.profile.put(std::move(cell));
  }
  return result;
}

}  // namespace isoflop::sim
