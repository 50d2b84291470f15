#include "isoflop/sim/sweep/sweep_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "isoflop/error.h"
#include "isoflop/random.h"
#include "isoflop/sha256.h"

namespace isoflop::sim {
namespace {

void refuse(bool wrong, const std::string& message) {
  if (wrong) throw Error(Fault::Usage, message);
}

void check(const SweepSettings& s) {
  refuse(!(s.lowest_flop > 0) || !(s.highest_flop >= s.lowest_flop), "the highest budget must not be below the lowest");
  refuse(s.budgets < 1 || s.sizes < 1 || s.runs < 1 || s.replicates < 1,
         "a sweep needs at least one budget, size and run");
  const double most = static_cast<double>(s.replicates) *
                      (s.grid == SweepGrid::Isoflop ? static_cast<double>(s.budgets) * static_cast<double>(s.sizes)
                                                    : static_cast<double>(s.runs));
  refuse(most > 1e5, "a sweep has at most 100000 runs");
  refuse(s.ladder.empty(), "the ladder has no sizes");
  refuse(s.sequences < 1 || s.length < 2, "a batch needs a sequence of two tokens");
  refuse(s.held_out_batches < 1, "a sweep needs held-out text");
  refuse(s.precision != "bf16" && s.precision != "fp32", "precision is fp32 or bf16");
  refuse(s.budgets == 1 && s.highest_flop > s.lowest_flop && s.grid == SweepGrid::Isoflop,
         "one budget cannot have two ends");
}

std::vector<SizedModel> sized_ladder(const SweepSettings& s) {
  std::vector<SizedModel> models;
  for (const auto& rung : s.ladder) models.push_back(size_model(rung, s.vocabulary, s.length));
  std::sort(models.begin(), models.end(), [](const SizedModel& a, const SizedModel& b) { return a.params < b.params; });
  for (std::size_t i = 1; i < models.size(); ++i)
    refuse(models[i].rung == models[i - 1].rung, "the ladder has " + rung_name(models[i].rung) + " twice");
  return models;
}

// The neighbouring rungs that lie closest to the expected optimum, by distance of ln N.
std::vector<SizedModel> around_optimum(const std::vector<SizedModel>& ladder, double budget_flop,
                                       double tokens_per_param, std::size_t count) {
  const double centre = 0.5 * std::log(budget_flop / (6 * tokens_per_param));
  std::vector<SizedModel> models = ladder;
  std::stable_sort(models.begin(), models.end(), [&](const SizedModel& a, const SizedModel& b) {
    return std::fabs(std::log(static_cast<double>(a.params)) - centre) <
           std::fabs(std::log(static_cast<double>(b.params)) - centre);
  });
  if (models.size() > count) models.resize(count);
  std::sort(models.begin(), models.end(), [](const SizedModel& a, const SizedModel& b) { return a.params < b.params; });
  return models;
}

Value settings_value(const SweepSettings& s) {
  Value v = Value::object();
  v["grid"] = s.grid == SweepGrid::Isoflop ? "isoflop" : "random";
  v["lowest_flop"] = s.lowest_flop;
  v["highest_flop"] = s.highest_flop;
  v["budgets"] = s.budgets;
  v["sizes"] = s.sizes;
  v["runs"] = s.runs;
  v["tokens_per_param"] = s.tokens_per_param;
  Value ladder = Value::array();
  for (const auto& rung : s.ladder) ladder.push_back(rung_name(rung));
  v["ladder"] = ladder;
  v["replicates"] = s.replicates;
  v["source"] = s.source;
  v["vocabulary"] = s.vocabulary;
  v["sequences"] = s.sequences;
  v["length"] = s.length;
  v["precision"] = s.precision;
  v["learning_rate"] = Value::object({{"base", s.rule.base}, {"params_exponent", s.rule.params_exponent},
                                      {"tokens_exponent", s.rule.tokens_exponent}, {"cap", s.rule.cap}});
  v["tune_factors"] = Value(s.tune_factors);
  v["held_out_batches"] = s.held_out_batches;
  v["curve_points"] = s.curve_points;
  v["seed"] = std::to_string(s.seed);  // all 64 bits, which a JSON number may not keep
  return v;
}

SweepSettings settings_from(const Value& v, const std::string& name) {
  const auto whole = [&](const char* key) {
    const double number = v.at(key).number();
    if (number != std::floor(number) || std::fabs(number) > 1e15)
      throw Error(Fault::BadInput, name + ": \"" + key + "\" is not a whole number");
    return static_cast<std::int64_t>(number);
  };
  SweepSettings s;
  s.grid = v.at("grid").text() == "random" ? SweepGrid::Random : SweepGrid::Isoflop;
  s.lowest_flop = v.at("lowest_flop").number();
  s.highest_flop = v.at("highest_flop").number();
  s.budgets = whole("budgets");
  s.sizes = whole("sizes");
  s.runs = whole("runs");
  s.tokens_per_param = v.at("tokens_per_param").number();
  s.ladder.clear();
  for (const auto& rung : v.at("ladder").items()) s.ladder.push_back(read_rung(rung.text()));
  s.replicates = whole("replicates");
  s.source = v.at("source").text();
  s.vocabulary = whole("vocabulary");
  s.sequences = whole("sequences");
  s.length = whole("length");
  s.precision = v.at("precision").text();
  const Value& rule = v.at("learning_rate");
  s.rule = {rule.at("base").number(), rule.at("params_exponent").number(), rule.at("tokens_exponent").number(),
            rule.at("cap").number()};
  for (const auto& factor : v.at("tune_factors").items()) s.tune_factors.push_back(factor.number());
  s.held_out_batches = whole("held_out_batches");
  s.curve_points = whole("curve_points");
  try {
    s.seed = std::stoull(v.at("seed").text());
  } catch (const std::logic_error&) {
    throw Error(Fault::BadInput, name + ": \"seed\" is not a whole number");
  }
  return s;
}

Value run_value(const PlannedRun& run) {
  return Value::object({{"name", run.name},
                        {"size", rung_name(run.model.rung)},
                        {"params", run.model.params},
                        {"params_non_embedding", run.model.params_non_embedding},
                        {"budget_flop", run.budget_flop},
                        {"steps", run.steps},
                        {"tokens", run.tokens},
                        {"flop", run.flop},
                        {"learning_rate", run.learning_rate},
                        {"replicate", run.replicate}});
}

}  // namespace

double LearningRateRule::rate(double params, double tokens) const {
  return std::min(cap, base * std::pow(params / 1e5, params_exponent) * std::pow(tokens / 1e6, tokens_exponent));
}

SweepPlan::SweepPlan(const SweepSettings& settings) : settings_(settings) {
  check(settings_);
  const auto& s = settings_;
  const auto ladder = sized_ladder(s);
  const double span = std::log(s.highest_flop / s.lowest_flop);
  if (s.grid == SweepGrid::Isoflop) {
    for (std::int64_t b = 0; b < s.budgets; ++b) {
      const double budget =
          s.lowest_flop *
          std::exp(s.budgets == 1 ? 0 : span * static_cast<double>(b) / static_cast<double>(s.budgets - 1));
      for (const auto& model : around_optimum(ladder, budget, s.tokens_per_param, static_cast<std::size_t>(s.sizes)))
        add_run(model, budget);
    }
  } else {
    for (std::int64_t i = 0; i < s.runs; ++i) {
      Random random(s.seed, static_cast<std::uint64_t>(i));
      const double budget = s.lowest_flop * std::exp(span * random.uniform());
      const auto models = around_optimum(ladder, budget, s.tokens_per_param, static_cast<std::size_t>(s.sizes));
      add_run(models[random.index(models.size())], budget);
    }
  }
  refuse(runs_.empty(), "no size of the ladder gets a single optimiser step at these budgets");
  std::stable_sort(runs_.begin(), runs_.end(),
                   [](const PlannedRun& a, const PlannedRun& b) { return a.flop < b.flop; });
  for (std::size_t i = 0; i < runs_.size(); ++i)
    runs_[i].name = fmt::format("{:03}-{}-{}", i + 1, rung_name(runs_[i].model.rung), runs_[i].steps) +
                    (s.replicates > 1 ? fmt::format("-r{}", runs_[i].replicate + 1) : "");
  if (!s.tune_factors.empty()) add_tuning();
}

void SweepPlan::add_run(const SizedModel& model, double budget_flop) {
  const double batch = static_cast<double>(settings_.sequences * settings_.length);
  const double steps = std::round(budget_flop / (model.flop_per_token * batch));
  if (steps < 1) return;
  refuse(steps > 1e9, "a run of more than 1e9 steps");
  PlannedRun run;
  run.model = model;
  run.budget_flop = budget_flop;
  run.steps = static_cast<std::int64_t>(steps);
  run.tokens = steps * batch;
  run.flop = run.tokens * model.flop_per_token;
  run.learning_rate = settings_.rule.rate(static_cast<double>(model.params), run.tokens);
  for (run.replicate = 0; run.replicate < settings_.replicates; ++run.replicate) runs_.push_back(run);
}

// Each size is tuned on its cheapest run: every factor is tried there, and the best serves all runs of the size.
void SweepPlan::add_tuning() {
  std::set<std::string> tuned;
  const std::vector<PlannedRun> runs = runs_;
  for (const auto& run : runs) {
    const std::string size = rung_name(run.model.rung);
    if (!tuned.insert(size).second) continue;
    std::vector<std::string> names;
    for (std::size_t f = 0; f < settings_.tune_factors.size(); ++f) {
      PlannedRun trial = run;
      trial.name = fmt::format("tune-{}-{}", size, f + 1);
      trial.learning_rate = run.learning_rate * settings_.tune_factors[f];
      trial.replicate = settings_.replicates;  // other weights and text than any run
      names.push_back(trial.name);
      tuning_.push_back(trial);
    }
    for (auto& other : runs_)
      if (other.model.rung == run.model.rung) other.tuned_by = names;
  }
}

double SweepPlan::flop() const {
  double sum = 0;
  for (const auto& run : runs_) sum += run.flop;
  for (const auto& run : tuning_) sum += run.flop;
  return sum;
}

double SweepPlan::evaluation_flop(const PlannedRun& run) const {
  const double batches =
      static_cast<double>(settings_.held_out_batches) * static_cast<double>(training(run, 1).evaluate_after.size() + 1);
  return batches * run.flop / static_cast<double>(run.steps) / 3;
}

TrainingRunSettings SweepPlan::training(const PlannedRun& run, double learning_rate) const {
  TrainingRunSettings t;
  t.architecture = rung_architecture(run.model.rung, settings_.vocabulary);
  t.sequences = static_cast<std::size_t>(settings_.sequences);
  t.length = static_cast<std::size_t>(settings_.length);
  t.steps = run.steps;
  t.precision = settings_.precision == "bf16" ? Precision::Bf16 : Precision::Fp32;
  t.schedule.peak = learning_rate;
  t.seed = stream_seed(settings_.seed, static_cast<std::uint64_t>(run.replicate));
  t.threads = 1;
  t.first_batch = static_cast<std::uint64_t>(run.replicate) << 40;
  t.held_out_batches = static_cast<std::size_t>(settings_.held_out_batches);
  for (std::int64_t i = 1; i < settings_.curve_points; ++i) {
    const double fraction = std::pow(30.0, static_cast<double>(i) / static_cast<double>(settings_.curve_points) - 1);
    const auto step = static_cast<std::int64_t>(std::lround(fraction * static_cast<double>(run.steps)));
    if (step >= 1 && step < run.steps && (t.evaluate_after.empty() || t.evaluate_after.back() < step))
      t.evaluate_after.push_back(step);
  }
  t.checkpoint_every = run.steps + 1;
  return t;
}

std::string SweepPlan::json() const {
  Value runs = Value::array(), tuning = Value::array();
  for (const auto& run : runs_) runs.push_back(run_value(run));
  for (const auto& run : tuning_) tuning.push_back(run_value(run));
  return to_json(Value::object({{"schema", "isoflop.sweep-plan/1"},
                                {"settings", settings_value(settings_)},
                                {"flop", flop()},
                                {"runs", runs},
                                {"tuning", tuning}})) +
         "\n";
}

std::string SweepPlan::sha256() const { return sha256_hex(json()); }

SweepPlan SweepPlan::from_json(const std::string& text, const std::string& name) {
  const Value root = parse_json(text, name);
  const Value* schema = root.find("schema");
  if (!schema || !schema->is_text() || schema->text() != "isoflop.sweep-plan/1")
    throw Error(Fault::BadInput, name + ": is not the plan of a sweep (schema isoflop.sweep-plan/1)");
  SweepPlan plan(settings_from(root.at("settings"), name));
  if (plan.json() != text)
    throw Error(Fault::BadInput, name +
                                     ": its runs are not what this version plans from its settings; the file was "
                                     "edited or made by another version");
  return plan;
}

SweepSettings fitted_to(SweepSettings settings, double limit, const std::string& unit,
                        const std::function<double(const SweepPlan&)>& cost) {
  const auto cost_at = [&](double highest) {
    settings.highest_flop = highest;
    return cost(SweepPlan(settings));
  };
  double low = 2 * settings.lowest_flop, high = low;
  if (cost_at(low) > limit)
    throw Error(Fault::Usage, fmt::format("budgets from {:.3g} FLOP to only twice that cost {:.3g} {} already, more "
                                          "than the {:.3g} allowed; lower the lowest budget, the sizes "
                                          "or the number of budgets",
                                          settings.lowest_flop, cost_at(low), unit, limit));
  while (high < 1e30 && cost_at(high) <= limit) low = high, high *= 4;
  for (int i = 0; i < 40; ++i) {
    const double middle = std::sqrt(low * high);
    (cost_at(middle) <= limit ? low : high) = middle;
  }
  settings.highest_flop = low;
  return settings;
}

}  // namespace isoflop::sim
