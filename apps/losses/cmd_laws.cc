// `laws list` and `laws show`: what the catalogue of loss laws holds, with formula, constants and sources.
#include "apps/commands.h"
#include "isoflop/error.h"
#include "isoflop/fits/loss_law.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using fits::LossLaw;

Value self_test_value(const LossLaw& law) {
  const auto test = law.self_test();
  Value value = Value::object({{"claim", test.claim},
                               {"computed", test.computed},
                               {"published_low", test.low},
                               {"published_high", test.high},
                               {"reproduced", test.reproduced()},
                               {"evidence", fits::evidence_name(test.evidence)}});
  if (!test.remark.empty()) value["remark"] = test.remark;
  return value;
}

Value optional_number(const std::optional<double>& number) { return number ? Value(*number) : Value(); }

std::string unit_text(const std::string& unit) { return unit.empty() ? "1" : unit; }

// "C 1.4e18 to 1.3e22, N 57M to 16.2B"; "-" where the source does not say.
std::string range_text(const fits::FittedRange& range) {
  std::string text;
  const auto add = [&](const char* name, const std::optional<double>& low, const std::optional<double>& high,
                       const auto& written) {
    if (!low || !high) return;
    text += (text.empty() ? "" : ", ") + std::string(name) + " " + written(*low) + " to " + written(*high);
  };
  add("C", range.compute_low_flop, range.compute_high_flop, [](double flop) { return format_number(flop, 3); });
  add("N", range.params_low, range.params_high, [](double count) { return format_count(count); });
  add("D", range.tokens_low, range.tokens_high, [](double count) { return format_count(count); });
  return text.empty() ? "-" : text;
}

Value law_value(const LossLaw& law) {
  const auto& f = law.facts();
  Value value = Value::object({{"id", f.id},
                               {"title", f.title},
                               {"formula", f.formula},
                               {"output", f.output},
                               {"output_unit", f.output_unit},
                               {"citation", f.citation},
                               {"counts", f.counts},
                               {"note", f.note}});
  Value inputs = Value::array(), parameters = Value::array(), published = Value::array();
  for (const auto& input : f.inputs)
    inputs.push_back(Value::object({{"name", input.name}, {"column", input.column}, {"unit", input.unit},
                                    {"meaning", input.meaning}, {"low", input.low}, {"high", input.high}}));
  for (const auto& parameter : f.parameters)
    parameters.push_back(Value::object({{"name", parameter.name},
                                        {"unit", parameter.unit},
                                        {"meaning", parameter.meaning},
                                        {"search_low", parameter.low},
                                        {"search_high", parameter.high},
                                        {"positive", parameter.positive}}));
  for (const auto& constants : f.published) {
    Value values = Value::object(), errors = Value::object();
    for (std::size_t j = 0; j < f.parameters.size(); ++j) {
      values[f.parameters[j].name] = constants.values[j];
      if (!constants.standard_errors.empty())
        errors[f.parameters[j].name] = optional_number(constants.standard_errors[j]);
    }
    const auto& r = constants.range;
    published.push_back(
        Value::object({{"id", constants.id},
                       {"values", values},
                       {"standard_errors", constants.standard_errors.empty() ? Value() : errors},
                       {"evidence", fits::evidence_name(constants.evidence)},
                       {"source", constants.source},
                       {"note", constants.note},
                       {"fitted_range", Value::object({{"compute_low_flop", optional_number(r.compute_low_flop)},
                                                       {"compute_high_flop", optional_number(r.compute_high_flop)},
                                                       {"params_low", optional_number(r.params_low)},
                                                       {"params_high", optional_number(r.params_high)},
                                                       {"tokens_low", optional_number(r.tokens_low)},
                                                       {"tokens_high", optional_number(r.tokens_high)}})}}));
  }
  value["inputs"] = inputs;
  value["parameters"] = parameters;
  value["published"] = published;
  value["self_test"] = self_test_value(law);
  return value;
}

class LawsList : public Command {
 public:
  std::string name() const override { return "laws list"; }
  std::string summary() const override { return "loss laws with formula and published constants"; }
  std::string examples() const override {
    return "isoflop laws list\n"
           "isoflop laws show chinchilla\n"
           "isoflop laws list --json";
  }
  void declare(OptionSet&) override {}

  Report run(const Settings&) override {
    Report report;
    ReportTable table;
    table.title = "Loss laws";
    table.columns = {{"law", "law", Align::Left},
                     {"default constants", "constants", Align::Left},
                     {"evidence", "evidence", Align::Left},
                     {"self-test", "self_test", Align::Left},
                     {"formula", "formula", Align::Left}};
    Value laws = Value::array();
    std::size_t sets = 0;
    for (const LossLaw* law : fits::loss_laws()) {
      const auto& f = law->facts();
      sets += f.published.size();
      table.rows.push_back({f.id, f.published.front().id, fits::evidence_name(f.published.front().evidence),
                            std::string(law->self_test().reproduced() ? "reproduced" : "FAILS"), f.formula});
      laws.push_back(law_value(*law));
    }
    table.note =
        "evidence: of the default constants. verified = in the authors' code or data, or recomputed; transcription = "
        "from notes on the paper, check it; unverified = no source could be consulted.";
    report.headline = std::to_string(fits::loss_laws().size()) + " laws with " + std::to_string(sets) +
                      " sets of published constants; each is checked against one published prediction.";
    report.tables = {table};
    report.result["laws"] = laws;
    return report;
  }
};

class LawsShow : public Command {
 public:
  std::string name() const override { return "laws show"; }
  std::string summary() const override { return "one loss law: formula, units, constants, sources, self-test"; }
  std::string examples() const override {
    return "isoflop laws show chinchilla\n"
           "isoflop laws show besiroglu\n"
           "isoflop laws show data-constrained --json";
  }
  void declare(OptionSet& options) override {
    options.positional("LAW", name_, "a law or a set of constants (see laws list)");
  }

  Report run(const Settings&) override {
    const auto choice = fits::choose_law(name_);
    const auto& f = choice.law->facts();
    Report report;
    report.headline = f.title + ": " + f.formula;
    report.result = law_value(*choice.law);

    ReportTable facts;
    facts.title = "Law " + f.id;
    facts.columns = {{"", "property", Align::Left}, {"", "value", Align::Left}};
    facts.rows = {{std::string("output"), f.output + ", " + f.output_unit},
                  {std::string("counts"), f.counts},
                  {std::string("source"), f.citation},
                  {std::string("note"), f.note.empty() ? std::string("-") : f.note}};

    ReportTable parameters;
    parameters.title = "Parameters";
    parameters.columns = {{"parameter", "parameter", Align::Left},
                          {"unit", "unit", Align::Left},
                          {"meaning", "meaning", Align::Left},
                          {"searched from", "search_low"},
                          {"to", "search_high"}};
    for (const auto& parameter : f.parameters)
      parameters.rows.push_back({parameter.name, unit_text(parameter.unit), parameter.meaning, parameter.low,
                                 parameter.high});
    parameters.note = "searched from, to: where a fit looks for the parameter.";

    ReportTable constants;
    constants.title = "Published constants";
    constants.columns = {{"constants", "constants", Align::Left}};
    for (const auto& parameter : f.parameters)
      constants.columns.push_back({parameter.name, parameter.name, Align::Right, 6});
    for (const auto& set : f.published) {
      std::vector<TableCell> row = {set.id};
      for (const double value : set.values) row.emplace_back(value);
      constants.rows.push_back(row);
      if (set.standard_errors.empty()) continue;
      std::vector<TableCell> errors = {set.id + ", s.e."};
      for (const auto& error : set.standard_errors) {
        if (error) errors.emplace_back(*error);
        else errors.emplace_back();
      }
      constants.rows.push_back(errors);
    }

    ReportTable sources;
    sources.title = "Where the constants come from";
    sources.columns = {{"constants", "constants", Align::Left}, {"evidence", "evidence", Align::Left},
                       {"source", "source", Align::Left}, {"fitted to", "fitted_to", Align::Left},
                       {"note", "note", Align::Left}};
    for (const auto& set : f.published)
      sources.rows.push_back({set.id, fits::evidence_name(set.evidence), set.source, range_text(set.range),
                              set.note.empty() ? std::string("-") : set.note});

    ReportTable inputs;
    inputs.title = "Inputs";
    inputs.columns = {{"input", "input", Align::Left},
                      {"column in a runs file", "column", Align::Left},
                      {"unit", "unit", Align::Left},
                      {"what is counted", "meaning", Align::Left},
                      {"from", "low"},
                      {"to", "high"}};
    for (const auto& input : f.inputs)
      inputs.rows.push_back({input.name, input.column, unit_text(input.unit), input.meaning, input.low, input.high});
    inputs.note = "from, to: span of the experiments the form was made for, roughly.";

    const auto test = choice.law->self_test();
    ReportTable check;
    check.title = "Self-test";
    check.columns = {{"published prediction", "claim", Align::Left}, {"computed", "computed", Align::Right, 5},
                     {"published, from", "published_low", Align::Right, 5}, {"to", "published_high", Align::Right, 5},
                     {"evidence", "evidence", Align::Left}};
    check.rows = {{test.claim, test.computed, test.low, test.high, fits::evidence_name(test.evidence)}};
    report.tables = {parameters, constants, inputs, sources, facts, check};
    if (!test.reproduced()) report.warnings.push_back("self-test not reproduced: " + test.remark);
    return report;
  }

 private:
  std::string name_;
};

}  // namespace

std::unique_ptr<Command> make_laws_list() { return std::make_unique<LawsList>(); }
std::unique_ptr<Command> make_laws_show() { return std::make_unique<LawsShow>(); }

}  // namespace isoflop::app
