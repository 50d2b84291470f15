#include "apps/losses/law_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/error.h"
#include "isoflop/fits/bootstrap.h"
#include "isoflop/number_text.h"
#include "isoflop/parallel.h"
#include "isoflop/sha256.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Value named_parameters(const ChinchillaLaw& law, bool coupled) {
  Value value = Value::object({{"E", law.E}, {"A", law.A}, {"B", law.B}, {"alpha", law.alpha}, {"beta", law.beta}});
  if (coupled) value["k"] = law.k;
  return value;
}

// The surface of a Chinchilla law, with the decay of repeated data and excess parameters where unique tokens are given.
LossSurface chinchilla_surface(const ChinchillaLaw& law, const std::map<std::string, double>& given) {
  if (given.empty()) return surface_of(law);
  const auto repeated = choose_law("muennighoff");
  const auto& decay = repeated.constants->values;
  return surface_of(*repeated.law, {law.E, law.A, law.B, law.alpha, law.beta, decay[5], decay[6]}, given);
}

void check_given_for_chinchilla(const ChinchillaLaw& law, const std::map<std::string, double>& given, Report& report) {
  if (given.empty()) return;
  if (given.size() > 1 || !given.count("unique_tokens")) {
    const auto plain = choose_law("hoffmann");
    surface_of(*plain.law, plain.constants->values, given);  // throws, naming the laws that have the input
  }
  if (law.k != 1)
    throw Error(Fault::Usage, "--unique-tokens works with the additive law only, not with a coupled exponent");
  const auto& decay = choose_law("muennighoff").constants->values;
  report.assumptions.push_back(
      {"repetition_half_life_R_D", decay[5], "repetitions", "Muennighoff et al. 2023, arXiv:2305.16264, fitted on C4"});
  report.assumptions.push_back(
      {"excess_parameter_half_life_R_N", decay[6], "", "Muennighoff et al. 2023, arXiv:2305.16264, fitted on C4"});
  report.warnings.push_back(
      "the decay of repeated data comes from C4 (Muennighoff et al. 2023) and counts as known: intervals leave it out");
}

FittedRange range_of(const RunTable& runs) {
  FittedRange range;
  const auto widen = [](std::optional<double>& low, std::optional<double>& high, double x) {
    low = std::min(low.value_or(x), x);
    high = std::max(high.value_or(x), x);
  };
  for (const auto& run : runs.runs()) {
    widen(range.compute_low_flop, range.compute_high_flop, run.compute_flop());
    widen(range.params_low, range.params_high, run.params);
    widen(range.tokens_low, range.tokens_high, run.tokens);
  }
  return range;
}

// What `isoflop fit --json` wrote; with --draws it also holds every replicate.
LawSource read_fit(const std::string& file, const std::string& text, const LawOptions& options, Report& report) {
  const auto given = given_inputs(options);
  const Value root = parse_json(text, file);
  const Value* schema = root.find("schema");
  if (!schema || !schema->is_text() || schema->text().rfind("isoflop.fit/", 0) != 0)
    throw Error(Fault::BadInput, file + ": this JSON is not the result of isoflop fit --json (schema isoflop.fit/1)");
  const Value& result = root.at("result");
  const Value& values = result.at("parameters");
  const auto number = [&](const char* name) {
    const Value& parameter = values.at(name);
    return parameter.is_object() ? parameter.at("estimate").number() : parameter.number();
  };
  ChinchillaLaw law{number("E"), number("A"), number("B"), number("alpha"), number("beta"), 1};
  if (values.find("k")) law.k = number("k");
  LawSource source;
  source.id = file;
  source.label = "the law of " + file;
  source.closed_form = law;
  check_given_for_chinchilla(law, given, report);
  source.surface = chinchilla_surface(law, given);
  source.parameters = named_parameters(law, law.k != 1);
  if (const Value* draws = result.find("draws"); draws && draws->is_object()) {
    const std::size_t count = draws->at("E").items().size();
    for (std::size_t i = 0; i < count; ++i) {
      const auto item = [&](const char* name) {
        const auto& list = draws->at(name).items();
        if (list.size() != count) throw Error(Fault::BadInput, file + ": the lists in result.draws differ in length");
        return list[i].number();
      };
      const ChinchillaLaw draw{item("E"),     item("A"),    item("B"),
                               item("alpha"), item("beta"), draws->find("k") ? item("k") : 1};
      source.draws.push_back(chinchilla_surface(draw, given));
    }
    source.scheme = fmt::format("bootstrap draws stored in {}, {} replicates", file, count);
  }
  if (source.draws.empty())
    source.no_interval = file + " holds no draws: write it with isoflop fit RUNS --draws --json";
  if (const Value* range = result.find("range"); range && range->is_object()) {
    const auto bound = [&](const char* name) -> std::optional<double> {
      const Value* value = range->find(name);
      return value && value->is_number() ? std::optional(value->number()) : std::nullopt;
    };
    source.range = {bound("compute_low_flop"), bound("compute_high_flop"), bound("params_low"),
                    bound("params_high"),      bound("tokens_low"),        bound("tokens_high")};
  }
  if (const Value* status = result.find("status"); status && status->is_text() && status->text() != "certified")
    report.distrust = "the fit in " + file + " is " + status->text();
  report.inputs.push_back({file, sha256_hex(text), 1, 0});
  return source;
}

LawSource published_law(const LawOptions& options, Report& report) {
  auto given = given_inputs(options);
  const auto choice = choose_law(options.law);
  const auto& facts = choice.law->facts();
  if (!facts.no_planning.empty())
    throw Error(Fault::Usage, "law " + facts.id + " cannot be used here: " + facts.no_planning);
  LawSource source;
  source.id = choice.constants->id;
  source.label = fmt::format("{} with the constants {}", facts.formula, choice.constants->id);
  source.range = choice.constants->range;
  source.parameters = Value::object();
  for (std::size_t j = 0; j < facts.parameters.size(); ++j)
    source.parameters[facts.parameters[j].name] = choice.constants->values[j];
  const auto& p = choice.constants->values;
  if (facts.id == "chinchilla" || facts.id == "coupled") {
    const ChinchillaLaw law{p[0], p[1], p[2], p[3], p[4], facts.id == "coupled" ? p[5] : 1};
    source.closed_form = law;
    check_given_for_chinchilla(law, given, report);
    source.surface = chinchilla_surface(law, given);
  } else {
    if (facts.id == "data-constrained" && !given.count("unique_tokens") && !given.count("U"))
      given["unique_tokens"] = 1e24;
    source.surface = surface_of(*choice.law, p, given);
  }
  if (choice.constants->standard_errors.empty()) {
    source.no_interval = "no standard errors were published with the constants " + choice.constants->id;
  } else {
    source.no_interval =
        "standard errors were published with " + choice.constants->id +
        ", but no covariances; A, B and their exponents are almost collinear, so treating them as independent "
        "would give intervals many times too wide. Use fit:chinchilla for intervals";
  }
  note_published_constants(choice, report);
  return source;
}

}  // namespace

void note_published_constants(const LawChoice& choice, Report& report) {
  report.assumptions.push_back({"constants", choice.constants->id, "", choice.constants->source});
  if (choice.constants->evidence != Evidence::Verified)
    report.warnings.push_back("the constants " + choice.constants->id + " are " +
                              (choice.constants->evidence == Evidence::Transcription
                                   ? "a transcription: check them against the paper"
                                   : "unverified: no source could be checked"));
  if (!choice.constants->note.empty()) report.warnings.push_back(choice.constants->id + ": " + choice.constants->note);
  if (const auto test = choice.law->self_test(); !test.reproduced())
    report.distrust = "law " + choice.law->facts().id + ": " + test.remark;
}

std::map<std::string, double> given_inputs(const LawOptions& options) {
  std::map<std::string, double> given;
  for (const auto& item : options.given) {
    const auto equals = item.find('=');
    const auto value = equals == std::string::npos ? std::nullopt : parse_number(item.substr(equals + 1));
    if (!value) throw Error(Fault::Usage, "--given: \"" + item + "\" is not NAME=NUMBER");
    given[item.substr(0, equals)] = *value;
  }
  if (options.unique_tokens) given["unique_tokens"] = *options.unique_tokens;
  if (options.sparsity) given["sparsity"] = *options.sparsity;
  if (options.granularity) given["granularity"] = *options.granularity;
  return given;
}

void LawOptions::declare(OptionSet& options) {
  options.group("Law");
  options.text(
      "--law", law,
      "fit:RUNS (refit, with intervals), or published constants: hoffmann, besiroglu, ... (isoflop laws list)");
  options.text("--fit", fit, "fit.json of isoflop fit --draws --json, or a runs file to fit");
  options.number("--unique-tokens", unique_tokens, "distinct tokens there are; more training repeats them",
                 NumberRange::positive());
  options.number("--sparsity", sparsity, "inactive share of the parameters (law moe-sparsity)", {0, 0.999});
  options.number("--granularity", granularity, "granularity of the experts (law fine-grained-moe)",
                 NumberRange::positive());
  options.list("--given", given, "any other input of the law, NAME=NUMBER");
  options.group("Intervals");
  std::vector<std::string> schemes;
  for (Scheme each : all_schemes()) schemes.push_back(scheme_name(each));
  options.choice("--scheme", scheme, schemes, "what the bootstrap takes as exchangeable");
  options.whole("--replicates", replicates, "bootstrap replicates; 0 = no intervals", 0, 1000000);
  options.whole("--exclude-highest", exclude_highest,
                "leave out this many of the highest losses (5 for chinchilla, else 0)", 0, 1000000000);
}

LawSource open_law(const LawOptions& options, const Settings& settings, Report& report) {
  LawSource source;
  const bool refit = options.fit.empty() && options.law.rfind("fit:", 0) == 0;
  if (refit) {
    const std::string file = options.law.substr(4);
    source = refitted_law(file, open_runs(file, {}, settings.data), options, settings, report);
  } else if (options.fit.empty()) {
    source = published_law(options, report);
  } else if (options.fit == "chinchilla") {
    source = refitted_law(options.fit, open_runs(options.fit, {}, settings.data), options, settings, report);
  } else {
    const std::string text = read_file(options.fit);
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first != std::string::npos && text[first] == '{')
      source = read_fit(options.fit, text, options, report);
    else
      source =
          refitted_law(options.fit, RunTable::from_csv(CsvTable::parse(text, options.fit)), options, settings, report);
  }
  source.repeats_data = options.unique_tokens.has_value();
  report.assumptions.push_back({"training_flop", "6 x active parameters x tokens", "FLOP",
                                "Kaplan et al. 2020, arXiv:2001.08361; attention to the context left out"});
  return source;
}

LawSource refitted_law(const std::string& file, const RunTable& all, const LawOptions& options,
                       const Settings& settings, Report& report) {
  const auto given = given_inputs(options);
  const long exclude = options.exclude_highest.value_or(file == "chinchilla" ? 5 : 0);
  const RunTable runs = all.excluding_highest(static_cast<std::size_t>(exclude));
  ChinchillaOptions fit_options;
  fit_options.threads = settings.threads;
  const ChinchillaFit fit = fit_chinchilla(runs, fit_options);
  if (!fit.usable()) throw Error(Fault::CannotRun, "no law could be fitted to " + runs.name() + ": " + fit.reason);

  LawSource source;
  source.id = "fit:" + file;
  source.label = fmt::format("the Chinchilla law refitted to {} runs ({})", runs.size(), file);
  source.closed_form = fit.law;
  source.range = range_of(runs);
  source.runs = runs.runs();
  check_given_for_chinchilla(fit.law, given, report);
  source.surface = chinchilla_surface(fit.law, given);
  source.parameters = named_parameters(fit.law, false);
  // No interval shows what a wider or narrower span of compute would do to the law; a refit does.
  const RunTable lower = runs.up_to_compute(source.range.compute_high_flop.value_or(0) / 10);
  if (const auto below = fit_chinchilla(lower, fit_options); below.usable())
    source.below = LawSource::Below{below.law, lower.size(), source.range.compute_high_flop.value_or(0) / 10};
  if (fit.status != FitStatus::Certified)
    report.distrust = "the fit of the law is " + status_name(fit.status) + ": " + fit.reason;
  if (options.replicates > 0) {
    const Scheme scheme = scheme_from_name(options.scheme);
    if (const auto problem = scheme_problem(runs, scheme); !problem.empty())
      throw Error(Fault::Usage, "--scheme " + options.scheme + ": " + problem);
    BootstrapOptions bootstrap_options;
    bootstrap_options.scheme = scheme;
    bootstrap_options.replicates = static_cast<std::size_t>(options.replicates);
    bootstrap_options.seed = settings.seed;
    bootstrap_options.threads = settings.threads;
    settings.progress(0.2, "bootstrap");
    const Draws draws = bootstrap(runs, fit, fit_options, bootstrap_options);
    for (const auto& law : draws.laws) source.draws.push_back(chinchilla_surface(law, given));
    source.scheme = fmt::format("{}, {} replicates", draws.scheme, draws.laws.size());
    report.seed = settings.seed;
    if (draws.failed > 0)
      report.warnings.push_back(
          fmt::format("{} of {} bootstrap replicates gave no fit and are left out", draws.failed, options.replicates));
  } else {
    source.no_interval = "no replicates were asked for";
  }
  report.inputs.push_back(
      {runs.name(), runs.sha256(), runs.size(), runs.rows_dropped() + static_cast<std::size_t>(exclude)});
  if (exclude > 0)
    report.assumptions.push_back(
        {"highest_losses_left_out", exclude, "runs",
         file == "chinchilla" && !options.exclude_highest
             ? "as Hoffmann et al. 2022 and Besiroglu et al. 2024 did; see isoflop fit for what it changes"
             : "--exclude-highest"});
  report.assumptions.push_back(
      {"loss_function", "sum of Huber(1e-3) of log losses", "", "Hoffmann et al. 2022, arXiv:2203.15556, section 3.3"});
  return source;
}

std::vector<FittedValue> with_intervals(
    const LawSource& law, int threads, const std::function<std::vector<double>(const fits::LossSurface&)>& quantities) {
  const std::vector<double> central = quantities(law.surface);
  std::vector<std::vector<double>> rows(law.draws.size());
  parallel_for(law.draws.size(), threads, [&](std::size_t i) { rows[i] = quantities(law.draws[i]); });
  std::vector<FittedValue> values;
  for (std::size_t q = 0; q < central.size(); ++q) {
    std::vector<double> sample;
    for (const auto& row : rows)
      if (std::isfinite(row[q])) sample.push_back(row[q]);
    FittedValue value{central[q], nan, nan, nan};
    if (sample.size() >= 20 && sample.size() * 10 >= rows.size() * 9) {
      value.se = standard_deviation(sample);
      value.low = quantile(sample, (1 - interval_level) / 2);
      value.high = quantile(sample, (1 + interval_level) / 2);
    }
    values.push_back(value);
  }
  return values;
}

std::vector<std::string> extrapolation_warnings(const LawSource& law, double compute_flop, double params,
                                                double tokens) {
  std::vector<std::string> warnings;
  const auto check = [&](const std::string& what, const std::string& unit, double x, const std::optional<double>& low,
                         const std::optional<double>& high) {
    if (!low || !high || !std::isfinite(x)) return;
    if (x > *high * 1.001)
      warnings.push_back(fmt::format("extrapolation: {} of {}{} is {} times beyond the fitted range, {} to {}{}", what,
                                     format_number(x, 3), unit, format_number(x / *high, 3), format_number(*low, 3),
                                     format_number(*high, 3), unit));
    else if (x < *low * 0.999)
      warnings.push_back(fmt::format("extrapolation: {} of {}{} is {} times below the fitted range, {} to {}{}", what,
                                     format_number(x, 3), unit, format_number(*low / x, 3), format_number(*low, 3),
                                     format_number(*high, 3), unit));
  };
  check("training compute", " FLOP", compute_flop, law.range.compute_low_flop, law.range.compute_high_flop);
  check("a size", " parameters", params, law.range.params_low, law.range.params_high);
  check("a training set", " tokens", tokens, law.range.tokens_low, law.range.tokens_high);
  return warnings;
}

std::string interval_text(const FittedValue& value, const std::function<std::string(double)>& write) {
  if (!std::isfinite(value.estimate)) return "-";
  if (!std::isfinite(value.low) || !std::isfinite(value.high)) return write(value.estimate);
  return write(value.estimate) + " [" + write(value.low) + ", " + write(value.high) + "]";
}

}  // namespace isoflop::app
