#include "isoflop/fits/form_trials.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/error.h"
#include "isoflop/fits/law_fit.h"
#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

RunTable shifted(const RunTable& runs, double tokens) {
  std::vector<Run> moved = runs.runs();
  for (Run& run : moved) run.tokens += tokens;
  return RunTable(std::move(moved), runs.name());
}

struct Split {
  std::vector<std::size_t> below, above;
};
Split split(const RunTable& runs, double low_flop, double high_flop) {
  Split parts;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const double c = runs[i].compute_flop();
    if (c <= low_flop) parts.below.push_back(i);
    else if (c <= high_flop) parts.above.push_back(i);
  }
  return parts;
}

std::vector<double> errors_on(const FormFit& fit, const RunTable& runs, const std::vector<std::size_t>& positions) {
  std::vector<double> errors;
  for (const std::size_t i : positions) errors.push_back(fit.loss(runs[i].params, runs[i].tokens) / runs[i].loss - 1);
  return errors;
}

double mean_magnitude(const std::vector<double>& errors) {
  double sum = 0;
  for (const double e : errors) sum += std::fabs(e);
  return sum / static_cast<double>(errors.size());
}

void interval_of_floor(FormTrial& trial, const RunTable& runs, const FormTrialOptions& options) {
  trial.floor = {trial.fit.E, nan, nan, nan};
  if (trial.form.known_floor || options.replicates == 0) return;
  std::vector<double> floors(options.replicates, nan);
  FormTrialOptions inner = options;
  inner.threads = 1;
  parallel_for(options.replicates, options.threads, [&](std::size_t r) {
    Random random(options.seed, r);
    std::vector<std::size_t> drawn(runs.size());
    for (auto& i : drawn) i = random.index(runs.size());
    const FormFit own = fit_form(trial.form, runs.selected(drawn), inner, &trial.fit);
    if (own.usable()) floors[r] = own.E;
  });
  std::erase_if(floors, [](double x) { return !std::isfinite(x); });
  trial.replicates = floors.size();
  if (floors.size() < 20) return;
  double mean = 0, square = 0;
  for (const double x : floors) mean += x / static_cast<double>(floors.size());
  for (const double x : floors) square += (x - mean) * (x - mean);
  trial.floor.se = std::sqrt(square / static_cast<double>(floors.size() - 1));
  trial.floor.low = quantile(floors, (1 - options.level) / 2);
  trial.floor.high = quantile(floors, (1 + options.level) / 2);
}

}  // namespace

std::vector<LossForm> loss_forms(bool with_count_without_embedding, const FormTrialOptions& options) {
  std::vector<LossForm> forms = {{"additive", "E + A/N^alpha + B/D^beta"}};
  LossForm form = {"coupled", "E + (A/N^alpha + B/D^beta)^k"};
  form.coupled = true;
  forms.push_back(form);
  form = {"shifted", "E + A/N^alpha + B/(D + D0)^beta"};
  form.shifted_tokens = true;
  forms.push_back(form);
  if (with_count_without_embedding) {
    form = {"additive-without-embedding", "additive, N without embedding"};
    form.without_embedding = true;
    forms.push_back(form);
    form = {"coupled-without-embedding", "coupled, N without embedding"};
    form.coupled = form.without_embedding = true;
    forms.push_back(form);
  }
  if (options.vocabulary) {
    form = {"saturating", "E + 1/(1/x + 1/(ln V - E)), x = A/N^alpha + B/D^beta"};
    form.saturating = true;
    forms.push_back(form);
  }
  if (options.known_floor) {
    form = {"additive-known-floor", "additive, E held at the entropy"};
    form.known_floor = true;
    forms.push_back(form);
    form = {"coupled-known-floor", "coupled, E held at the entropy"};
    form.coupled = form.known_floor = true;
    forms.push_back(form);
  }
  return forms;
}

namespace {

FormFit saturating_fit(const RunTable& runs, const FormTrialOptions& options, const FormFit* near) {
  const LossLaw& law = *choose_law("saturating").law;
  LawData data;
  for (const Run& run : runs.runs()) {
    data.inputs.push_back({run.params, run.tokens, *options.vocabulary});
    data.outputs.push_back(run.loss);
    data.weights.push_back(run.weight);
  }
  LawFitOptions search;
  search.delta = options.delta;
  search.threads = options.threads;
  if (near) {
    search.search_points = 200;
    search.polishes = 3;
    std::vector<double> start;
    for (const auto& parameter : near->parameters) start.push_back(parameter.second);
    search.starts = {start};
  }
  const LawFit fit = fit_law(law, data, search);
  FormFit result{fit.status, fit.reason, 0, {}, {}};
  if (!fit.usable()) return result;
  for (std::size_t j = 0; j < fit.parameters.size(); ++j)
    result.parameters.emplace_back(law.facts().parameters[j].name, fit.parameters[j]);
  result.E = fit.parameters[0];
  result.loss = [&law, values = fit.parameters, v = *options.vocabulary](double params, double tokens) {
    const double point[] = {params, tokens, v};
    return law.value(point, values);
  };
  return result;
}

struct ShiftedFit {
  ChinchillaFit fit;
  double shift = 0;
};

// D0 by a grid below the geometric mean of the tokens, then between the neighbours of the best.
void fit_shift(ShiftedFit& best, const RunTable& runs, const ChinchillaOptions& law) {
  double log_mean = 0;
  for (const Run& run : runs.runs()) log_mean += std::log(run.tokens) / static_cast<double>(runs.size());
  const auto attempt = [&](double shift) {
    ShiftedFit own{fit_chinchilla(shifted(runs, shift), law), shift};
    if (own.fit.usable() && (!best.fit.usable() || own.fit.objective < best.fit.objective)) best = std::move(own);
  };
  const double step = std::log(2.0);
  for (int i = -7; i <= 2; ++i) attempt(std::exp(log_mean + step * i));
  for (double width = step / 2; best.shift > 0 && width > 0.1; width /= 2)
    for (const double sign : {-1.0, 1.0}) attempt(best.shift * std::exp(sign * width));
}

}  // namespace

FormFit fit_form(const LossForm& form, const RunTable& runs, const FormTrialOptions& options, const FormFit* near) {
  if (form.saturating) return saturating_fit(runs, options, near);
  ChinchillaOptions law;
  law.delta = options.delta;
  law.coupled = form.coupled;
  law.threads = options.threads;
  if (form.known_floor) law.fixed_E = options.known_floor;
  ShiftedFit best{fit_chinchilla(runs, law), 0};
  if (form.shifted_tokens) fit_shift(best, runs, law);
  const ChinchillaLaw& p = best.fit.law;
  FormFit result{best.fit.status,
                 best.fit.reason,
                 p.E,
                 {{"E", p.E}, {"A", p.A}, {"B", p.B}, {"alpha", p.alpha}, {"beta", p.beta}},
                 {}};
  if (form.coupled) result.parameters.emplace_back("k", p.k);
  if (form.shifted_tokens) result.parameters.emplace_back("D0", best.shift);
  result.loss = [p, shift = best.shift](double params, double tokens) { return p.loss(params, tokens + shift); };
  return result;
}

FormTrials try_forms(const RunTable& runs, const std::optional<RunTable>& without_embedding,
                     const FormTrialOptions& options) {
  if (without_embedding && without_embedding->size() != runs.size())
    throw Error(Fault::Usage, "the two counts of parameters belong to different runs");
  if (!(options.held_out_decades > 0)) throw Error(Fault::Usage, "held-out decades must be positive");
  FormTrials result;
  double largest = 0;
  for (const Run& run : runs.runs()) largest = std::max(largest, run.compute_flop());
  // A run planned for exactly the cut may lie a rounding above it.
  const double step = std::pow(10, -options.held_out_decades) * 1.01;
  result.cut_flop = largest * step;
  result.inner_cut_flop = result.cut_flop * step;
  const Split outer = split(runs, result.cut_flop, largest),
              inner = split(runs, result.inner_cut_flop, result.cut_flop);
  if (outer.below.size() < 8)
    throw Error(Fault::Usage, "only " + std::to_string(outer.below.size()) +
                                  " runs lie below the held-out ones; expected at least 8");
  result.held_out = outer.above;
  result.fitted = outer.below.size();
  result.inner_fitted = inner.below.size();
  for (const LossForm& form : loss_forms(without_embedding.has_value(), options)) {
    const RunTable& table = form.without_embedding ? *without_embedding : runs;
    FormTrial trial;
    trial.form = form;
    trial.fit = fit_form(form, table, options);
    trial.below = fit_form(form, table.selected(outer.below), options);
    trial.inner_error = nan;
    if (!trial.fit.usable()) trial.reason = trial.fit.reason;
    else if (!trial.below.usable()) trial.reason = "below the cut: " + trial.below.reason;
    if (trial.usable()) {
      std::vector<std::size_t> all(table.size());
      for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
      double square = 0;
      for (const double e : errors_on(trial.fit, table, all)) square += std::log1p(e) * std::log1p(e);
      trial.rms_log = std::sqrt(square / static_cast<double>(table.size()));
      trial.errors = errors_on(trial.below, table, outer.above);
      trial.mean_error = mean_magnitude(trial.errors);
      for (const double e : trial.errors) {
        trial.largest_error = std::max(trial.largest_error, std::fabs(e));
        trial.bias += e / static_cast<double>(trial.errors.size());
      }
      if (inner.below.size() >= 8 && !inner.above.empty())
        if (const FormFit lower = fit_form(form, table.selected(inner.below), options); lower.usable())
          trial.inner_error = mean_magnitude(errors_on(lower, table, inner.above));
      interval_of_floor(trial, table, options);
      const std::size_t here = result.trials.size();
      if (!form.known_floor && std::isfinite(trial.inner_error) &&
          (!result.recommended || trial.inner_error < result.trials[*result.recommended].inner_error))
        result.recommended = here;
    }
    result.trials.push_back(std::move(trial));
  }
  return result;
}

}  // namespace isoflop::fits
