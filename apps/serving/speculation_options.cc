#include "apps/serving/speculation_options.h"

#include <fmt/format.h>

#include "apps/catalogue/catalogue_report.h"
#include "apps/serving/serve_report.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop::app {

using namespace isoflop::sim;

void SpeculationOptions::declare(OptionSet& options) {
  options.group("Speculative decoding");
  options.text("--draft", draft,
               "model that drafts tokens for this one to check, or mtp: the model's own prediction layer");
  options.whole("--draft-tokens", tokens, "tokens drafted before each check", 0, 1000);
  options.number("--acceptance", acceptance,
                 "chance that a drafted token is accepted: of this draft on your texts, measure it",
                 NumberRange::fraction());
  options.whole("--draft-tp", tensor_parallel, "devices that share the draft model (as --tp)", 1, 4096);
}

bool SpeculationOptions::asked() const {
  if (draft.empty() && (tokens || acceptance || tensor_parallel))
    throw Error(Fault::Usage, "--draft-tokens, --acceptance and --draft-tp need --draft MODEL, or --draft mtp");
  if (!draft.empty() && (!tokens || !acceptance))
    throw Error(Fault::Usage,
                "--draft needs --draft-tokens and --acceptance: how often drafted tokens are accepted depends on both "
                "models and the text, so it is not guessed");
  if (draft == "mtp" && tensor_parallel)
    throw Error(Fault::Usage, "--draft-tp is for a draft model; the prediction layer is laid out as its model");
  return !draft.empty();
}

std::unique_ptr<Drafting> SpeculationOptions::prepare(const Architecture& model, const Accelerator& device,
                                                      const ServeOptions& serving, const Settings& settings,
                                                      MemoryModel& memory, Report& report) const {
  auto drafting = std::make_unique<Drafting>();
  Speculation& s = drafting->speculation;
  const ServingLoad load = serving.load();
  s.tokens = *tokens;
  s.acceptance = *acceptance;
  if (load.pipeline_parallel > 1)
    throw Error(Fault::Usage, "speculative decoding over pipeline stages is not modelled: leave --pp or --draft out");
  report.assumptions.push_back({"acceptance", *acceptance, "1", "--acceptance; the same at every position"});
  report.result["load"]["draft"] = draft;
  report.result["load"]["draft_tokens"] = s.tokens;
  report.result["load"]["acceptance"] = s.acceptance;
  if (draft == "mtp") {
    if (model.prediction_layers.empty())
      throw Error(Fault::Usage,
                  model.name + " has no layer that predicts further tokens: --draft mtp needs one (prediction_layers "
                               "of a model file, mtp_layers of the catalogue)");
    memory.add_prediction_cache();
    if (s.tokens > static_cast<std::int64_t>(model.prediction_layers.size()))
      report.assumptions.push_back({"prediction_layers", static_cast<std::int64_t>(model.prediction_layers.size()), "",
                                    fmt::format("the first is repeated for each of {} drafted tokens", s.tokens)});
    return drafting;
  }
  if (load.expert_parallel > 1)
    throw Error(Fault::Usage,
                "where a draft model runs beside --ep is not modelled: use --draft mtp, or leave --ep out");
  const NamedArchitecture named = named_architecture(draft, settings.data);
  report.inputs.push_back(input_of(named.origin, 1));
  s.draft_load = load;
  s.draft_load.routing_skew = 0;
  s.draft_load.tensor_parallel = tensor_parallel.value_or(load.tensor_parallel);
  if (s.draft_load.tensor_parallel > load.tensor_parallel)
    throw Error(Fault::Usage, fmt::format("--draft-tp {} is more than the {} devices of the model",
                                          s.draft_load.tensor_parallel, load.tensor_parallel));
  try {
    check(s.draft_load, named.architecture);
  } catch (const Error& error) {
    throw Error(error.fault(), fmt::format("--draft {}: {} (--draft-tp sets its devices)", draft, error.what()));
  }
  if (named.architecture.vocabulary != model.vocabulary)
    report.warnings.push_back(fmt::format(
        "{} has {} tokens in its vocabulary, {} has {}: a draft must speak the same tokens (padding may differ)",
        named.architecture.name, named.architecture.vocabulary, model.name, model.vocabulary));
  report.assumptions.push_back({"draft_formats", serving.weights + " weights, " + serving.kv + " cache, as the model",
                                "", "assumed; prompts pass through the draft too"});
  drafting->name = named.architecture.name;
  drafting->pricer = std::make_unique<StepPricer>(named.architecture, device, OpProfile::load(settings.data));
  s.draft = drafting->pricer.get();
  memory.add_draft(named.architecture, s.draft_load);
  return drafting;
}

void add_speculation(Report& report, const Drafting& drafting, const ServingAnswer& answer) {
  if (!answer.speculation) return;
  const SpeculationOutcome& o = *answer.speculation;
  const Speculation& s = drafting.speculation;
  Value& result = report.result["speculation"] = Value::object();
  result["tokens_per_step"] = o.tokens_per_step;
  const auto put = [&](const std::string& key, const Estimate& e) {
    result[key] = e.central;
    result[key + "_interval"] = Value(e);
  };
  put("step_s", o.step_s);
  put("verify_s", o.verify_s);
  put("draft_step_s", o.draft_s);
  put("tpot_plain_s", o.plain_tpot_s);
  put("speedup", o.speedup);
  result["break_even_acceptance"] = Value(o.break_even_acceptance);
  result["pays"] = o.speedup.central > 1;
  ReportTable table{"Speculative decoding",
                    {{"quantity", "quantity", Align::Left},
                     {"low", "low"},
                     {"central", "central"},
                     {"high", "high"},
                     {"unit", "unit", Align::Left}},
                    {},
                    ""};
  const auto row = [&](const std::string& name, const Estimate& e, double scale, const char* unit) {
    table.rows.push_back({name, scale * e.low, scale * e.central, scale * e.high, unit});
  };
  row(fmt::format("checking {} tokens of every sequence", s.tokens + 1), o.verify_s, 1e3, "ms");
  if (s.tokens > 0) row(fmt::format("one of {} draft steps", s.tokens), o.draft_s, 1e3, "ms");
  row("whole step", o.step_s, 1e3, "ms");
  table.rows.push_back({"tokens a step and sequence", TableCell(), o.tokens_per_step, TableCell(), ""});
  row("time per output token without it", o.plain_tpot_s, 1e3, "ms");
  row("speed-up", o.speedup, 1, "x");
  table.rows.push_back({"acceptance at which it breaks even", TableCell(),
                        o.break_even_acceptance ? TableCell(*o.break_even_acceptance) : TableCell("none"), TableCell(),
                        ""});
  table.note = fmt::format("(1 - p^(q+1))/(1 - p) tokens a step with q = {}, p = {}; ranges of the speed-up take both "
                           "times at the same end of theirs",
                           s.tokens, format_number(s.acceptance, 4));
  report.tables.push_back(std::move(table));
  if (s.tokens > 0)
    report.explanation.push_back(pass_table(
        drafting.name.empty() ? "A draft step, prediction layer" : "A draft step, " + drafting.name, answer.draft));
  const std::string breaks =
      o.break_even_acceptance
          ? fmt::format("it would from an acceptance of {} on", format_number(*o.break_even_acceptance, 3))
          : "no acceptance would make it pay";
  if (o.speedup.central < 1)
    report.warnings.push_back(fmt::format("speculative decoding does not pay here: {} times plain decoding; {}",
                                          format_number(o.speedup.central, 3), breaks));
  else if (o.speedup.low < 1)
    report.warnings.push_back("whether speculative decoding pays here is within the error of the model");
}

}  // namespace isoflop::app
