#include "isoflop/fits/lead_time.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/random.h"

using namespace isoflop::fits;

namespace {

/// Releases over four years whose typical score at given compute gains `decades_per_year`.
std::vector<ScoredModel> releases(double decades_per_year, double scatter, std::uint64_t seed, int count = 160) {
  isoflop::Random random(seed);
  std::vector<ScoredModel> models;
  for (int i = 0; i < count; ++i) {
    ScoredModel model;
    model.name = "m" + std::to_string(i);
    model.family = "f" + std::to_string(i / 3);
    const double x = random.uniform(21.5, 24.5), year = random.uniform(2021, 2025);
    model.compute = std::pow(10, x);
    model.release_year = year;
    model.score =
        25 + 60 / (1 + std::exp(-(2 * (x - 23) + 2 * decades_per_year * (year - 2023) + scatter * random.normal())));
    models.push_back(model);
  }
  return models;
}

RegressionSettings settings() {
  RegressionSettings s;
  s.bounds = {25, 96, 100};
  s.threads = 1;
  s.bootstrap = 60;
  return s;
}

}  // namespace

TEST_CASE("with a known yearly gain the lead of a model is its distance divided by the gain") {
  auto models = releases(0.5, 0, 31);
  ScoredModel early;
  early.name = early.family = "early";
  early.compute = 1e23;
  early.release_year = 2022;
  // What a release of the middle of 2024 with that compute scores: 2.5 years, 30 months, ahead.
  early.score = 25 + 60 / (1 + std::exp(-2 * 0.5 * 1.5));
  models.push_back(early);
  const auto study = study_lead_time(models, settings(), 0);
  REQUIRE(study.possible);
  REQUIRE(study.leads.back().months.estimate);
  CHECK(std::fabs(*study.leads.back().months.estimate - 30) < 0.1);
  CHECK(study.leads.back().status == "reached");
  CHECK(std::fabs(*study.decades_per_year.estimate - 0.5) < 1e-3);
  CHECK(study.verdict == "supported");
  CHECK(study.hindcast.skill > 0.9);
  CHECK(study.hindcast.predictions > 100);
}

TEST_CASE("without any gain over time the data do not tell, and that is what is said") {
  const auto study = study_lead_time(releases(0, 0.6, 32), settings(), 1.5);
  REQUIRE(study.possible);
  CHECK(study.verdict != "supported");
  CHECK(study.hindcast.skill < 0.05);
  REQUIRE(study.decades_per_year.low);
  CHECK(*study.decades_per_year.low < 0);
  // A model above the curve then has no date at which it is sure to be reached.
  std::size_t open = 0;
  for (const auto& lead : study.leads) open += lead.status == "open" || lead.status == "not yet" || !lead.months.high;
  CHECK(open > 0);
}

TEST_CASE("a lead that lies ahead of the last release is called not yet, and scores beyond the curve have none") {
  auto models = releases(0.5, 0.1, 33);
  ScoredModel far = models[0];
  far.name = far.family = "far";
  far.compute = 1e22;
  far.release_year = 2024.9;
  far.score = 60;
  models.push_back(far);
  ScoredModel beyond = far;
  beyond.name = beyond.family = "beyond";
  beyond.score = 99;
  beyond.not_fitted = "judged only, as asked";
  models.push_back(beyond);
  const auto study = study_lead_time(models, settings(), 0.5);
  CHECK(study.leads[models.size() - 2].status == "not yet");
  CHECK(study.leads.back().status == "above ceiling");
  CHECK_FALSE(study.leads.back().months.estimate);
}

TEST_CASE("what was observed needs five later releases of other families near in compute") {
  auto models = releases(0.5, 0, 34);
  ScoredModel early;
  early.name = early.family = "early";
  early.compute = 1e23;
  early.release_year = 2021.5;
  early.score = 25 + 60 / (1 + std::exp(-2 * 0.5 * 0.0));  // typical at the start of 2023
  models.push_back(early);
  const auto study = study_lead_time(models, settings(), 0);
  const auto& lead = study.leads.back();
  REQUIRE(lead.observed_months);
  CHECK(lead.later_models >= 5);
  // Typical at equal compute after 18 months; the median of five that straddle a factor of two lags a little.
  CHECK(*lead.observed_months > 10);
  CHECK(*lead.observed_months < 34);
}

TEST_CASE("lead times ask for dates and for compute as x") {
  auto models = releases(0.5, 0.2, 35);
  auto other = settings();
  other.predictor = Predictor::Tokens;
  CHECK_FALSE(study_lead_time(models, other, 1).possible);
  for (auto& model : models) model.release_year.reset();
  const auto study = study_lead_time(models, settings(), 1);
  CHECK_FALSE(study.possible);
  CHECK(study.verdict == "not possible");
  CHECK(study.leads.size() == models.size());
  CHECK(study.reason.find("at least 30") != std::string::npos);
}

TEST_CASE("leads do not depend on the number of threads") {
  const auto models = releases(0.4, 0.4, 36);
  auto s = settings();
  const auto one = study_lead_time(models, s, 1.5);
  s.threads = 4;
  const auto four = study_lead_time(models, s, 1.5);
  CHECK(one.hindcast.skill == four.hindcast.skill);
  for (std::size_t i = 0; i < models.size(); ++i) {
    CHECK(one.leads[i].months.low == four.leads[i].months.low);
    CHECK(one.leads[i].months.high == four.leads[i].months.high);
  }
}
