#include "isoflop/fits/loss_law.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "agrees.h"
#include "fits/spread_points.h"
#include "isoflop/error.h"

using namespace isoflop::fits;

TEST_CASE("every law states formula, citation, what it counts, units and search ranges") {
  std::set<std::string> names;
  for (const LossLaw* law : loss_laws()) {
    const auto& f = law->facts();
    CAPTURE(f.id);
    CHECK(names.insert(f.id).second);
    for (const auto* text : {&f.title, &f.formula, &f.output, &f.output_unit, &f.citation, &f.counts})
      CHECK(!text->empty());
    CHECK(!f.inputs.empty());
    CHECK(!f.parameters.empty());
    CHECK(!f.published.empty());
    for (const auto& input : f.inputs) {
      CHECK(input.low < input.high);
      CHECK(!input.meaning.empty());
      CHECK(law->input(input.name) == law->input(input.column));
    }
    for (const auto& parameter : f.parameters) {
      CAPTURE(parameter.name);
      CHECK(parameter.low < parameter.high);
      CHECK(!parameter.meaning.empty());
      if (parameter.positive) CHECK(parameter.low > 0);
    }
    for (const auto& constants : f.published) {
      CAPTURE(constants.id);
      CHECK((names.insert(constants.id).second || constants.id == f.id));
      CHECK(!constants.source.empty());
      REQUIRE(constants.values.size() == f.parameters.size());
      CHECK((constants.standard_errors.empty() || constants.standard_errors.size() == f.parameters.size()));
      for (std::size_t j = 0; j < constants.values.size(); ++j) {
        CHECK(constants.values[j] >= f.parameters[j].low);
        CHECK(constants.values[j] <= f.parameters[j].high);
      }
    }
  }
  CHECK(loss_laws().size() == 15);
}

TEST_CASE("every law reproduces one published prediction, and the one that cannot says so") {
  for (const LossLaw* law : loss_laws()) {
    const SelfTest test = law->self_test();
    CAPTURE(law->facts().id);
    CAPTURE(test.claim);
    CAPTURE(test.computed);
    CHECK(test.low <= test.high);
    CHECK(test.reproduced() == test.remark.empty());
    CHECK(test.reproduced() == (law->facts().id != "precision"));
  }
}

TEST_CASE("automatic derivatives of every law agree with central differences") {
  for (const LossLaw* law : loss_laws()) {
    for (const auto& constants : law->facts().published) {
      CAPTURE(constants.id);
      for (std::size_t i = 0; i < 20; ++i) {
        const auto x = spread_point(*law, i);
        std::vector<double> gradient(constants.values.size());
        const double value = law->value(x, constants.values, gradient);
        CHECK(agrees(value, law->value(x, constants.values), 14));
        CHECK(std::isfinite(value));
        for (std::size_t j = 0; j < gradient.size(); ++j) {
          CAPTURE(law->facts().parameters[j].name);
          auto up = constants.values, down = constants.values;
          const double step = 1e-6 * std::max(std::fabs(constants.values[j]), 1e-3);
          up[j] += step;
          down[j] -= step;
          const double difference = (law->value(x, up) - law->value(x, down)) / (2 * step);
          // The difference itself is good to eps |value| / step + O(step^2).
          CHECK(std::fabs(gradient[j] - difference) <=
                1e-9 * std::fabs(value) / step * 1e-4 + 2e-5 * std::fabs(gradient[j]));
        }
      }
    }
  }
}

TEST_CASE("Hoffmann's printed and unrounded constants give the losses of the formula") {
  const auto hoffmann = choose_law("hoffmann-rounded");
  const double point[] = {70e9, 1.4e12};
  // 1.69 + 406.4 / 70e9^0.34 + 410.7 / 1.4e12^0.28, by hand.
  CHECK(agrees(hoffmann.law->value(point, hoffmann.constants->values),
               1.69 + 406.4 * std::exp(-0.34 * std::log(70e9)) + 410.7 * std::exp(-0.28 * std::log(1.4e12)), 14));
  CHECK(agrees(choose_law("hoffmann").constants->values[0], 1.6934, 4));
}

TEST_CASE("the over-training form is Chinchilla with alpha = beta = 2 eta") {
  const auto gadre = choose_law("gadre-c4");
  const auto chinchilla = choose_law("chinchilla");
  const auto& p = gadre.constants->values;
  const double six = std::pow(6.0, -p[3]);
  const double same[] = {p[0], p[1] * six, p[2] * six, 2 * p[3], 2 * p[3]};
  for (std::size_t i = 0; i < 20; ++i) {
    const auto x = spread_point(*gadre.law, i);
    CHECK(agrees(gadre.law->value(x, p), chinchilla.law->value(x, same), 13));
  }
}

TEST_CASE("one epoch of the data-constrained law is Chinchilla until parameters exceed the optimum for the data") {
  const auto law = choose_law("muennighoff");
  const auto& p = law.constants->values;
  const double small[] = {1e8, 1e10, 1e10};
  CHECK(agrees(law.law->value(small, p),
               choose_law("chinchilla").law->value(std::span(small).first(2), std::span(p).first(5)), 14));
  // Four epochs are worth 3.73 epochs of fresh data: U (1 + 15.39 (1 - e^(-3/15.39))).
  const double four[] = {1e8, 4e10, 1e10};
  const double fresh[] = {1e8, 1e10 * (1 + p[5] * (1 - std::exp(-3 / p[5])))};
  CHECK(agrees(law.law->value(four, p), choose_law("chinchilla").law->value(fresh, std::span(p).first(5)), 13));
}

TEST_CASE("k = 1 makes the coupled law additive, and a dense model has one expert") {
  const double coupled_parameters[] = {1.8, 480, 2100, 0.35, 0.37, 1};
  const double point[] = {1e9, 2e10};
  CHECK(agrees(choose_law("coupled").law->value(point, coupled_parameters),
               choose_law("chinchilla").law->value(point, std::span(coupled_parameters).first(5)), 14));
  const auto clark = choose_law("clark-sbase");
  const auto& p = clark.constants->values;
  const double dense[] = {1e8, 1};
  const double log10_loss = p[0] * 8 + p[1] * std::log10(p[4]) + p[2] * 8 * std::log10(p[4]) + p[3];
  CHECK(agrees(clark.law->value(dense, p), std::pow(10, log10_loss), 13));
}

TEST_CASE("a law or a set of constants is found by name, a near miss is answered with a suggestion") {
  CHECK(choose_law("besiroglu").law == choose_law("chinchilla").law);
  CHECK(choose_law("chinchilla").constants->id == "hoffmann");
  try {
    choose_law("hofman");
    FAIL("accepted");
  } catch (const isoflop::Error& problem) {
    CHECK(std::string(problem.what()).find("hoffmann") != std::string::npos);
    CHECK(problem.fault() == isoflop::Fault::Usage);
  }
}
