#include "apps/losses/plan_tables.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string count_text(double x) { return format_count(x, 3); }

TableCell cell(double x) { return std::isfinite(x) ? TableCell(x) : TableCell(); }

}  // namespace

Allocation PlanQuestion::allocate(const LossSurface& surface) const {
  if (compute) return best_for_budget(surface, *compute, serving);
  std::optional<double> trained = tokens;
  if (params && !trained) trained = loss ? tokens_for_loss(surface, *params, *loss) : optimal_tokens(surface, *params);
  if (params && trained) return allocation_at(surface, *params, *trained, serving);
  if (!params)
    if (const auto found = cheapest_for_loss(surface, *loss, serving)) return *found;
  return {params.value_or(nan), nan, nan, nan, nan, true};
}

// Against the compute-optimal model: only where size or serving pull the plan away from it.
void add_departure(const PlanQuestion& q, const LawSource& law, const Allocation& plan, const Settings& settings,
                   Report& report) {
  if (!(q.params && (q.tokens || q.loss)) && q.serving.tokens == 0) return;
  const double params = plan.params, tokens = plan.tokens;
  const bool fixed = q.params.has_value() && q.tokens.has_value();
  const auto values = with_intervals(law, settings.threads, [&](const LossSurface& surface) {
    const auto each = fixed ? Allocation{params, tokens, 0, 0, 0, true} : q.allocate(surface);
    if (!std::isfinite(each.tokens)) return std::vector<double>(8, nan);
    const auto d = departure_from_optimum(surface, each.params, each.tokens, q.serving.price);
    return std::vector<double>{d.loss_penalty, d.compute_multiplier, d.same_budget.params, d.same_budget.tokens,
                               d.same_loss ? d.same_loss->params : nan, d.same_loss ? d.same_loss->tokens : nan,
                               d.serving_saved_flop_per_token, d.break_even_tokens.value_or(nan)};
  });
  const auto optimal = with_intervals(law, settings.threads, [&](const LossSurface& surface) {
    return std::vector<double>{optimal_tokens(surface, params).value_or(nan)};
  });
  Value departure = Value::object({{"optimal_tokens_for_this_size", optimal[0]},
                                   {"loss_penalty", values[0]},
                                   {"compute_multiplier", values[1]},
                                   {"same_budget", Value::object({{"params", values[2]}, {"tokens", values[3]}})},
                                   {"same_loss", Value::object({{"params", values[4]}, {"tokens", values[5]}})},
                                   {"serving_saved_flop_per_token", values[6]},
                                   {"break_even_served_tokens", values[7]}});
  report.result["departure"] = departure;
  ReportTable table;
  table.title = "Against the compute-optimal choice";
  table.columns = {{"quantity", "quantity", Align::Left},
                   {"estimate", "estimate"},
                   {"90 % from", "low"},
                   {"to", "high"},
                   {"unit", "unit", Align::Left}};
  const auto row = [&](const std::string& what, const FittedValue& v, const std::string& unit) {
    table.rows.push_back({what, cell(v.estimate), cell(v.low), cell(v.high), unit});
  };
  row("tokens at which this size is optimal", optimal[0], "");
  row("times more tokens than that",
      {tokens / optimal[0].estimate, nan, tokens / optimal[0].high, tokens / optimal[0].low}, "");
  row("loss lost against the same training FLOP", values[0], "nats/token");
  row("  which would train best", values[2], "parameters");
  row("training FLOP over the least for this loss", values[1], "times");
  row("  which would train", values[4], "parameters");
  row("  on", values[5], "tokens");
  row("serving saved against that", values[6], "FLOP per token");
  row("pays off once served", values[7], "tokens");
  if (values[6].estimate <= 0)
    table.note = "Larger than the compute-optimal model of the same loss: nothing is saved at serving.";
  report.tables.push_back(table);
  if (fixed)
    report.headline += fmt::format(
        " It is optimal for this size at {} tokens; {} times that cost {} times the least training compute for the "
        "same loss and {}.",
        interval_text(optimal[0], count_text), format_number(tokens / optimal[0].estimate, 3),
        interval_text(values[1], [](double x) { return format_number(x, 3); }),
        values[6].estimate > 0 ? "pay off after " + interval_text(values[7], count_text) + " served tokens"
                               : "save nothing at serving");
}

// The same question under other published constants: how much the answer hangs on whom one believes.
void add_other_laws(const PlanQuestion& q, const LawSource& law, bool constants_given, Report& report) {
  if (law.surface.active_share < 1 || law.repeats_data || q.loss || constants_given) return;
  ReportTable table;
  table.title = "The same question under other constants";
  table.columns = {
      {"constants", "constants", Align::Left},      {"parameters", "params"}, {"tokens", "tokens"},
      {"tokens per parameter", "tokens_per_param"}, {"floor E", "E"},         {"source", "source", Align::Left}};
  Value others = Value::array();
  const auto add = [&](const std::string& id, const std::string& source, const ChinchillaLaw& form) {
    const auto surface = surface_of(form);
    Allocation each;
    if (q.compute) {
      each = best_for_budget(surface, *q.compute, q.serving);
    } else {
      const auto tokens = optimal_tokens(surface, *q.params);
      each = allocation_at(surface, *q.params, tokens.value_or(nan));
    }
    table.rows.push_back({id, each.params, each.tokens, each.tokens / each.params, form.E, source});
    others.push_back(Value::object({{"id", id},
                                    {"params", each.params},
                                    {"tokens", each.tokens},
                                    {"tokens_per_param", each.tokens / each.params},
                                    {"E", form.E}}));
  };
  if (law.closed_form) add(law.id, "this plan's law", *law.closed_form);
  if (law.below)
    add(law.id + ", small runs",
        fmt::format("the same fit to the {} runs below {} FLOP", law.below->runs,
                    format_number(law.below->compute_high_flop, 2)),
        law.below->law);
  for (const char* id : {"hoffmann", "hoffmann-rounded", "besiroglu", "muennighoff"}) {
    if (law.id == id) continue;
    const auto choice = choose_law(id);
    const auto& p = choice.constants->values;
    add(id, choice.constants->source, {p[0], p[1], p[2], p[3], p[4]});
  }
  table.note = q.params ? "Tokens at which this size is compute-optimal. Losses and floors compare only within one "
                         "data set and tokenizer."
                       : "Rounded constants are shown because they are widely used; they are off by what rounding "
                         "does. Floors compare only "
                         "within one data set and tokenizer.";
  report.result["other_laws"] = others;
  report.tables.push_back(table);
}

void add_explanation(const PlanQuestion& q, const LawSource& law, const Allocation& plan,
                     const std::optional<Machine>& machine, Report& report) {
  ReportTable chain;
  chain.title = "From input to answer";
  chain.columns = {{"step", "step", Align::Left}, {"value", "value", Align::Right, 6}, {"how", "how", Align::Left}};
  if (machine) {
    chain.rows.push_back(
        {std::string("FLOP per device-hour"), machine->flop_per_hour(),
         fmt::format("{} x {} x 3600 s", format_si(machine->peak_flop_per_s, "FLOP/s"), machine->mfu)});
    if (q.usd)
      chain.rows.push_back({std::string("device-hours"), *q.usd / *machine->usd_per_hour, std::string("USD / price")});
    if (q.usd || q.device_hours)
      chain.rows.push_back(
          {std::string("budget, FLOP"), *q.compute, std::string("device-hours x FLOP per device-hour")});
  }
  for (const auto& [name, value] : law.parameters.members())
    chain.rows.push_back({"law: " + name, value.number(), law.id});
  if (law.closed_form && !law.repeats_data) {
    const auto& form = *law.closed_form;
    chain.rows.push_back({std::string("exponent a of N*"), form.exponent_a(), std::string("beta / (alpha + beta)")});
    chain.rows.push_back(
        {std::string("G"), form.G(), std::string("(alpha A / (beta B))^(1/(alpha+beta)); N* = G (C/6)^a")});
    chain.rows.push_back({std::string("loss removed by infinite size"),
                          form.loss(plan.params, plan.tokens) - form.loss(1e300, plan.tokens),
                          std::string("nats/token")});
    chain.rows.push_back({std::string("loss removed by infinite data"),
                          form.loss(plan.params, plan.tokens) - form.loss(plan.params, 1e300),
                          std::string("nats/token")});
  }
  chain.rows.push_back({std::string("parameters"), plan.params, std::string()});
  chain.rows.push_back(
      {std::string("tokens"), plan.tokens, std::string("C / (6 x active parameters), less what serving takes")});
  chain.rows.push_back({std::string("loss"), plan.loss, std::string("L(N, D)")});
  report.explanation.push_back(chain);
  if (!law.closed_form) return;
  // Verified measurements, so that a floor is not mistaken for a constant of nature.
  ReportTable floors;
  floors.title = "The fitted floor against measured losses";
  floors.columns = {
      {"what", "what", Align::Left}, {"nats/token", "loss", Align::Right, 4}, {"source", "source", Align::Left}};
  const std::string run =
      "mlfoundations/scaling, exp_data/models/rpj-open_lm_1b-32.0.json: 1.44B parameters, 921B tokens";
  floors.rows = {{std::string("floor E of this law"), law.closed_form->E, law.id},
                 {std::string("measured on C4"), 2.5021, run},
                 {std::string("measured on RedPajama text"), 1.8308, run},
                 {std::string("measured on code (100 programming languages)"), 1.2112, run}};
  floors.note =
      "One model, four texts: a floor belongs to its text and tokenizer, and losses below E elsewhere do not refute "
      "the law.";
  report.explanation.push_back(floors);
}

}  // namespace isoflop::app
