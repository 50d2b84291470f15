#include "apps/losses/predict_loss.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TableCell cell(double x) { return std::isfinite(x) ? TableCell(x) : TableCell(); }
std::string four_digits(double x) { return format_number(x, 4); }

// A published law of any inputs: params and tokens fill N and D, the rest comes from --given and its short forms.
Report predict_published(const LossQuestion& question) {
  const auto choice = choose_law(question.law.law);
  const auto& facts = choice.law->facts();
  if (!facts.no_planning.empty())
    throw Error(Fault::Usage, "law " + facts.id + " cannot be used here: " + facts.no_planning);
  auto given = given_inputs(question.law);
  const auto set = [&](const char* letter, const std::optional<double>& value, const char* option) {
    if (!value) return;
    if (!choice.law->input(letter))
      throw Error(Fault::Usage, "law " + facts.id + " (" + facts.formula + ") does not depend on " + option);
    given[letter] = *value;
  };
  set("N", question.params, "--params");
  set("D", question.tokens, "--tokens");
  std::vector<double> inputs(facts.inputs.size(), nan);
  for (const auto& [name, value] : given) {
    const auto position = choice.law->input(name);
    if (!position) throw Error(Fault::Usage, "law " + facts.id + " (" + facts.formula + ") does not depend on " + name);
    inputs[*position] = value;
  }
  // Without repetition all training tokens are distinct.
  if (const auto unique = choice.law->input("unique_tokens"); unique && std::isnan(inputs[*unique]) && question.tokens)
    inputs[*unique] = *question.tokens;
  Report report;
  Value values = Value::object();
  std::string at;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto& input = facts.inputs[i];
    if (std::isnan(inputs[i])) {
      const std::string option = input.name == "N"   ? "--params"
                                 : input.name == "D" ? "--tokens"
                                                     : "--given " + input.column + "=NUMBER";
      throw Error(Fault::Usage,
                  "law " + facts.id + " needs " + input.column + " (" + input.meaning + "): add " + option);
    }
    if (input.logarithmic && !(inputs[i] > 0)) throw Error(Fault::Usage, input.column + " must be positive");
    values[input.column] = inputs[i];
    at += (at.empty() ? "" : ", ") + input.column + " " + format_count(inputs[i], 4);
    if (inputs[i] < input.low * 0.999 || inputs[i] > input.high * 1.001)
      report.warnings.push_back(fmt::format(
          "extrapolation: {} = {} lies outside the span of the experiments behind the form, about {} to {}",
          input.column, format_number(inputs[i], 3), format_number(input.low, 3), format_number(input.high, 3)));
  }
  const double prediction = choice.law->value(inputs, choice.constants->values);
  if (!std::isfinite(prediction)) throw Error(Fault::Usage, "law " + facts.id + " has no value at " + at);
  const std::string& why = choice.constants->standard_errors.empty()
                               ? "no standard errors were published with these constants"
                               : "standard errors were published without covariances";
  report.headline = fmt::format("{} {} {} at {}, by {} with the constants {} ({}).", facts.output,
                                format_number(prediction, 4), facts.output_unit, at, facts.formula,
                                choice.constants->id, evidence_name(choice.constants->evidence));
  report.result["law"] = Value::object({{"id", choice.constants->id},
                                        {"formula", facts.formula},
                                        {"evidence", evidence_name(choice.constants->evidence)}});
  report.result["inputs"] = values;
  report.result["output"] = facts.output;
  report.result["unit"] = facts.output_unit;
  report.result[facts.output == "loss" ? "loss" : "prediction"] = FittedValue{prediction, nan, nan, nan};
  report.result["interval"] = Value::object({{"level", Value()}, {"reason", why}});
  ReportTable table;
  table.title = "Prediction";
  table.columns = {
      {"quantity", "quantity", Align::Left}, {"value", "value", Align::Right, 5}, {"unit", "unit", Align::Left}};
  for (std::size_t i = 0; i < inputs.size(); ++i)
    table.rows.push_back({facts.inputs[i].column, inputs[i], facts.inputs[i].unit});
  table.rows.push_back({facts.output, prediction, facts.output_unit});
  table.note = "No interval: " + why + ".";
  report.tables = {table};
  note_published_constants(choice, report);
  return report;
}

// What one more run would show: a draw of the law and the residual of one of its runs.
FittedValue one_run(const LawSource& law, double params, double tokens, std::uint64_t seed) {
  FittedValue value{law.surface.loss(params, tokens), nan, nan, nan};
  if (law.draws.empty() || law.runs.empty()) return value;
  std::vector<double> residuals, sample;
  for (const auto& run : law.runs)
    residuals.push_back(std::log(run.loss) - std::log(law.surface.loss(run.params, run.tokens)));
  constexpr std::size_t per_draw = 20;
  for (std::size_t i = 0; i < law.draws.size(); ++i) {
    // Streams beyond those of the bootstrap.
    Random random(seed, 1000000 + i);
    const double loss = law.draws[i].loss(params, tokens);
    for (std::size_t k = 0; k < per_draw; ++k)
      sample.push_back(loss * std::exp(residuals[random.index(residuals.size())]));
  }
  value.se = standard_deviation(sample);
  value.low = quantile(sample, (1 - interval_level) / 2);
  value.high = quantile(sample, (1 + interval_level) / 2);
  return value;
}

}  // namespace

Report predict_loss(const LossQuestion& question, const Settings& settings) {
  Report report;
  report.command = "predict";
  if (question.law.fit.empty() && question.law.law.rfind("fit:", 0) != 0) {
    report = predict_published(question);
    report.command = "predict";
    return report;
  }
  if (!question.params || !question.tokens)
    throw Error(Fault::Usage, "predict by a fitted law needs --params and --tokens");
  const double params = *question.params, tokens = *question.tokens;
  const LawSource law = open_law(question.law, settings, report);
  const auto values = with_intervals(law, settings.threads, [&](const LossSurface& surface) {
    return std::vector<double>{surface.loss(params, tokens)};
  });
  const FittedValue& loss = values[0];
  const FittedValue run =
      law.repeats_data ? FittedValue{loss.estimate, nan, nan, nan} : one_run(law, params, tokens, settings.seed);
  report.result["law"] = Value::object({{"id", law.id}, {"label", law.label}, {"parameters", law.parameters}});
  report.result["inputs"] = Value::object({{"params", params}, {"tokens", tokens}});
  report.result["compute_flop"] = law.surface.training_flop(params, tokens);
  report.result["output"] = "loss";
  report.result["unit"] = "nats/token";
  report.result["loss"] = loss;
  report.result["loss_of_one_run"] = run;
  report.result["perplexity"] = FittedValue{std::exp(loss.estimate), nan, std::exp(loss.low), std::exp(loss.high)};
  report.result["interval"] = law.has_intervals() ? Value::object({{"level", interval_level}, {"scheme", law.scheme}})
                                                  : Value::object({{"level", Value()}, {"reason", law.no_interval}});
  ReportTable table;
  table.title = "Prediction";
  table.columns = {{"quantity", "quantity", Align::Left},
                   {"estimate", "estimate"},
                   {"90 % from", "low"},
                   {"to", "high"},
                   {"unit", "unit", Align::Left}};
  table.rows.push_back(
      {std::string("loss by the law"), loss.estimate, cell(loss.low), cell(loss.high), std::string("nats/token")});
  if (std::isfinite(run.low))
    table.rows.push_back(
        {std::string("loss of one run"), run.estimate, cell(run.low), cell(run.high), std::string("nats/token")});
  table.rows.push_back({std::string("perplexity"), std::exp(loss.estimate), cell(std::exp(loss.low)),
                        cell(std::exp(loss.high)), std::string()});
  table.rows.push_back(
      {std::string("training compute"), law.surface.training_flop(params, tokens), {}, {}, std::string("FLOP")});
  table.note = law.has_intervals()
                   ? "The law: " + law.scheme +
                         ". One run: the residuals of the fitted runs besides. Both hold for the fitted form, "
                         "data, tokenizer and recipe."
                   : "No interval: " + law.no_interval + ".";
  report.tables = {table};
  report.headline = fmt::format("{} parameters on {} tokens: loss {} nats/token, by {}.", format_count(params),
                                format_count(tokens), interval_text(loss, four_digits), law.label);
  if (question.observed) {
    const bool within = std::isfinite(run.low) && *question.observed >= run.low && *question.observed <= run.high;
    report.result["observed"] = Value::object(
        {{"loss", *question.observed}, {"within_one_run_interval", std::isfinite(run.low) ? Value(within) : Value()}});
    if (std::isfinite(run.low))
      report.headline +=
          fmt::format(" An observed {} lies {} what one such run may show [{}, {}].", four_digits(*question.observed),
                      within ? "within" : "outside", four_digits(run.low), four_digits(run.high));
  }
  for (const auto& warning : extrapolation_warnings(law, law.surface.training_flop(params, tokens), params, tokens))
    report.warnings.push_back(warning);
  return report;
}

}  // namespace isoflop::app
