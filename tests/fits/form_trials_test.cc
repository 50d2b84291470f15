#include "isoflop/fits/form_trials.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "agrees.h"
#include "isoflop/error.h"

using namespace isoflop::fits;

namespace {

// Five budgets a factor of 3 apart, six sizes each.
RunTable made_from(const std::function<double(double, double)>& loss) {
  std::vector<Run> runs;
  for (int b = 0; b < 5; ++b)
    for (int s = 0; s < 6; ++s) {
      Run run;
      const double flop = 1e11 * std::pow(3.0, b);
      run.params = 6e3 * std::pow(1.9, s + 0.6 * b);
      run.tokens = flop / (6 * run.params);
      run.loss = loss(run.params, run.tokens);
      runs.push_back(run);
    }
  return RunTable(std::move(runs), "made up");
}

double additive(double n, double d) { return 2.6 + 0.3 * std::pow(n / 1e5, -0.4) + 0.4 * std::pow(d / 1e6, -0.7); }
double saturating(double n, double d) {
  const double x = 0.35 * std::pow(n / 1e5, -0.45) + 0.55 * std::pow(d / 1e6, -1.1), room = std::log(128) - 2.6;
  return 2.6 + x * room / (x + room);
}

const FormTrial& trial_of(const FormTrials& trials, const std::string& id) {
  for (const auto& trial : trials.trials)
    if (trial.form.id == id) return trial;
  throw isoflop::Error(isoflop::Fault::BadInput, id);
}

}  // namespace

TEST_CASE("runs from the additive law are predicted exactly by it, and its floor is found") {
  FormTrialOptions options;
  options.replicates = 0;
  const auto trials = try_forms(made_from(additive), std::nullopt, options);
  CHECK(trials.held_out.size() == 12);
  CHECK(trials.fitted == 18);
  const auto& trial = trial_of(trials, "additive");
  CHECK(agrees(trial.fit.E, 2.6, 6));
  CHECK(trial.largest_error < 1e-6);
  CHECK(trials.trials.size() == 3);  // neither another count, nor a floor, nor a vocabulary
}

TEST_CASE(
    "runs from the saturating law: it is recommended, predicts the held-out runs and finds the floor; the additive law "
    "does not") {
  FormTrialOptions options;
  options.replicates = 0;
  options.vocabulary = 128;
  options.known_floor = 2.6;
  const auto trials = try_forms(made_from(saturating), std::nullopt, options);
  REQUIRE(trials.recommended.has_value());
  CHECK(trials.trials[*trials.recommended].form.id == "saturating");
  CHECK(agrees(trial_of(trials, "saturating").fit.E, 2.6, 5));
  CHECK(trial_of(trials, "saturating").largest_error < 1e-5);
  CHECK(std::fabs(trial_of(trials, "additive").fit.E - 2.6) > 0.05);
  CHECK(trial_of(trials, "additive").mean_error > 3e-3);
  CHECK(trial_of(trials, "additive-known-floor").fit.E == 2.6);
}

TEST_CASE("too few runs below the cut are refused") {
  FormTrialOptions options;
  options.held_out_decades = 1.6;
  CHECK_THROWS_AS(try_forms(made_from(additive), std::nullopt, options), isoflop::Error);
}
