#include "isoflop/sim/op/op_calibration.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <set>

#include "isoflop/parallel.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

CalibrationProblem problem_of(std::span<const OpSample> samples, const std::vector<std::size_t>& rows,
                              const OpKey& key) {
  CalibrationProblem problem;
  bool cache_seen = false;
  for (std::size_t at : rows) {
    problem.rows.push_back({samples[at].row_id, samples[at].group, samples[at].measured_s, 1});
    cache_seen = cache_seen || samples[at].faster_than_memory;
  }
  problem.constants = op_constants(key, cache_seen);
  std::vector<std::function<double(std::span<const double>)>> seconds;
  for (std::size_t at : rows)
    seconds.push_back(prepared_seconds(samples[at].shape, samples[at].limits, benchmark_loop));
  problem.predict = [seconds = std::move(seconds)](std::span<const double> values, std::size_t row) {
    return seconds[row](values);
  };
  return problem;
}

std::string joined(const std::set<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

void set_intervals(OpFit& fit, std::span<const OpSample> samples) {
  std::vector<double> ratios;
  std::vector<std::string> groups;
  for (std::size_t i = 0; i < fit.rows.size(); ++i) {
    ratios.push_back(samples[fit.rows[i]].measured_s / fit.cross.predicted[i]);
    groups.push_back(samples[fit.rows[i]].group);
  }
  fit.interval = conformal_interval(ratios, groups);
  const int folds = 1 + *std::max_element(fit.cross.fold.begin(), fit.cross.fold.end());
  std::size_t inside = 0;
  for (int fold = 0; fold < folds; ++fold) {
    std::vector<double> known;
    std::vector<std::string> known_groups;
    for (std::size_t i = 0; i < ratios.size(); ++i) {
      if (fit.cross.fold[i] == fold) continue;
      known.push_back(ratios[i]);
      known_groups.push_back(groups[i]);
    }
    fit.fold_interval.push_back(conformal_interval(known, known_groups));
    for (std::size_t i = 0; i < ratios.size(); ++i)
      inside += fit.cross.fold[i] == fold && fit.fold_interval.back().low <= ratios[i] &&
                ratios[i] <= fit.fold_interval.back().high;
  }
  fit.coverage = static_cast<double>(inside) / static_cast<double>(ratios.size());
}

// How long a host takes between calls belongs to an engine's release, not to a chip: it is not handed on, and when a
// transfer is tried out the call is priced as a host that runs ahead would see it.
bool belongs_to_engine(const Constant& constant) { return constant.name == "t_host"; }

// Geometric mean over the chips' constants; times and efficiencies alike are positive and vary by factors.
std::vector<double> mean_values(const std::vector<const OpFit*>& fits) {
  std::vector<double> result;
  const auto generic = generic_values(fits.front()->key);
  for (std::size_t j = 0; j < fits.front()->fit.constants.size(); ++j) {
    if (belongs_to_engine(fits.front()->fit.constants[j].constant)) {
      result.push_back(generic[j]);
      continue;
    }
    std::vector<double> identified, all;
    for (const OpFit* fit : fits) {
      all.push_back(fit->fit.constants[j].value.estimate);
      if (fit->fit.constants[j].identified) identified.push_back(all.back());
    }
    result.push_back(geometric_mean(identified.empty() ? all : identified));
  }
  return result;
}

// Few chips stand behind a transfer, so its interval takes wider quantiles than the 5 % that many would justify.
constexpr double transfer_tail = 0.025;

OpCell borrowed_cell(const std::vector<const OpFit*>& fits, std::span<const OpSample> samples) {
  OpCell cell;
  cell.chip = any_chip;
  cell.key = fits.front()->key;
  const auto means = mean_values(fits);
  std::vector<double> logs, errors;
  std::set<std::string> chips;
  for (const OpFit* left_out : fits) {
    std::vector<const OpFit*> others;
    for (const OpFit* fit : fits)
      if (fit != left_out) others.push_back(fit);
    auto values = mean_values(others);
    for (std::size_t j = 0; j < values.size(); ++j)
      if (belongs_to_engine(left_out->fit.constants[j].constant)) values[j] = left_out->fit.constants[j].value.estimate;
    chips.insert(left_out->chip);
    cell.groups += left_out->fit.groups;
    for (std::size_t at : left_out->rows) {
      const auto& sample = samples[at];
      const double predicted = op_cost(sample.shape, sample.limits, values, benchmark_loop).seconds;
      logs.push_back(std::log(sample.measured_s / predicted));
      errors.push_back(100 * std::fabs(predicted / sample.measured_s - 1));
    }
  }
  cell.rows = logs.size();
  cell.cross_validated_mape = mean(errors);
  cell.interval = {std::exp(quantile(logs, transfer_tail)), std::exp(quantile(logs, 1 - transfer_tail))};
  cell.source = "mean of " + joined(chips);
  for (std::size_t j = 0; j < means.size(); ++j) {
    const auto& constant = fits.front()->fit.constants[j].constant;
    // The spread between chips, not the error of any one of them.
    std::vector<double> chip_logs;
    for (const OpFit* fit : fits) chip_logs.push_back(std::log(fit->fit.constants[j].value.estimate));
    cell.constants.push_back({constant.name, constant.unit, means[j], means[j] * standard_deviation(chip_logs)});
  }
  return cell;
}

// How generic efficiencies err on the calls of one operation; `variant` empty = on all of them.
OpCell datasheet_cell(const std::string& op, const std::string& variant, std::span<const OpSample> samples) {
  OpCell cell;
  cell.chip = datasheet_chip;
  cell.key = {op, variant.empty() ? all_variants : variant};
  std::vector<double> logs, errors;
  std::set<std::string> groups, sources;
  for (const auto& sample : samples) {
    if (sample.key.op != op || (!variant.empty() && sample.key.variant != variant)) continue;
    const double predicted = op_cost(sample.shape, sample.limits, generic_values(sample.key), benchmark_loop).seconds;
    logs.push_back(std::log(sample.measured_s / predicted));
    errors.push_back(100 * std::fabs(predicted / sample.measured_s - 1));
    groups.insert(sample.group);
    sources.insert(sample.source);
  }
  cell.rows = logs.size();
  cell.groups = groups.size();
  cell.cross_validated_mape = mean(errors);
  cell.interval = {std::exp(quantile(logs, 0.05)), std::exp(quantile(logs, 0.95))};
  cell.source = joined(sources);
  return cell;
}

}  // namespace

std::vector<OpFit> calibrate_ops(std::span<const OpSample> samples, const OpCalibrationOptions& options,
                                 std::vector<std::string>* skipped) {
  std::map<std::pair<OpKey, std::string>, std::vector<std::size_t>> cells;
  for (std::size_t i = 0; i < samples.size(); ++i)
    if (samples[i].suspect.empty()) cells[{samples[i].key, samples[i].chip}].push_back(i);
  std::vector<OpFit> fits;
  for (const auto& [id, rows] : cells) {
    std::set<std::string> groups, sources;
    for (std::size_t at : rows) {
      groups.insert(samples[at].group);
      sources.insert(samples[at].source);
    }
    if (rows.size() < op_constants(id.first).size() + 2 || groups.size() < 2) {
      if (skipped)
        skipped->push_back(id.second + " " + id.first.op + " " + id.first.variant + ": " + std::to_string(rows.size()) +
                           " rows in " + std::to_string(groups.size()) + " groups are too few");
      continue;
    }
    OpFit fit;
    fit.chip = id.second;
    fit.key = id.first;
    fit.rows = rows;
    fit.source = joined(sources);
    fits.push_back(std::move(fit));
  }
  std::atomic<std::size_t> done{0};
  std::mutex reporting;
  parallel_for(fits.size(), options.threads, [&](std::size_t i) {
    OpFit& cell = fits[i];
    const CalibrationProblem problem = problem_of(samples, cell.rows, cell.key);
    CalibrationOptions engine;
    engine.seed = options.seed;
    engine.starts = options.starts;
    cell.fit = calibrate(problem, engine);
    cell.cross = cross_validate(problem, cell.fit, options.folds, engine, 1);
    set_intervals(cell, samples);
    const std::lock_guard lock(reporting);
    options.progress(static_cast<double>(++done) / static_cast<double>(fits.size()),
                     "fitting " + cell.chip + " " + cell.key.op);
  });
  return fits;
}

OpProfile profile_of(std::span<const OpFit> fits, std::span<const OpSample> samples) {
  OpProfile profile;
  std::map<OpKey, std::vector<const OpFit*>> by_key;
  std::set<std::string> ops, groups;
  std::set<OpKey> keys;
  for (const auto& sample : samples) {
    keys.insert(sample.key);
    ops.insert(sample.key.op);
    groups.insert(sample.group);
  }
  for (const auto& fit : fits) {
    by_key[fit.key].push_back(&fit);
    OpCell cell;
    cell.chip = fit.chip;
    cell.key = fit.key;
    for (const auto& c : fit.fit.constants)
      cell.constants.push_back({c.constant.name, c.constant.unit, c.value.estimate, c.value.se});
    cell.interval = fit.interval;
    cell.cross_validated_mape = fit.cross.accuracy.mape;
    cell.rows = fit.rows.size();
    cell.groups = fit.fit.groups;
    cell.source = fit.source;
    profile.put(std::move(cell));
  }
  for (const auto& key : keys) profile.put(datasheet_cell(key.op, key.variant, samples));
  for (const auto& op : ops) profile.put(datasheet_cell(op, "", samples));
  for (const auto& [key, same_key] : by_key) {
    if (same_key.size() < 2) continue;
    // Borrowing has to earn its place: with two chips, the other one's constants are often worse than generic ones.
    OpCell borrowed = borrowed_cell(same_key, samples);
    if (borrowed.cross_validated_mape < profile.find(datasheet_chip, key)->cross_validated_mape)
      profile.put(std::move(borrowed));
  }
  profile.saw_groups(groups);
  return profile;
}

}  // namespace isoflop::sim
