// `plan`: what to train for a budget in FLOP, money or device-hours, for a loss, or at a given size.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "apps/commands.h"
#include "apps/losses/law_source.h"
#include "apps/losses/plan_plots.h"
#include "isoflop/error.h"
#include "isoflop/hardware/accelerator.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string count_text(double x) { return format_count(x, 3); }
std::string plain_text(double x) { return format_number(x, 4); }

TableCell cell(double x) { return std::isfinite(x) ? TableCell(x) : TableCell(); }

/// What turns FLOP into device-hours and money.
struct Machine {
  std::string id;
  double peak_flop_per_s = 0, mfu = 0;
  std::optional<double> usd_per_hour;

  double flop_per_hour() const { return peak_flop_per_s * mfu * 3600; }
};

class PlanCommand : public Command {
 public:
  std::string name() const override { return "plan"; }
  std::string summary() const override {
    return "size and tokens for a budget, a loss or a life of serving, with intervals";
  }
  std::string examples() const override {
    return "isoflop plan --compute 5.76e23                           compute-optimal, law refitted, with intervals\n"
           "isoflop plan --compute 5.76e23 --law hoffmann            the same under published constants\n"
           "isoflop plan --usd 5e6 --on h100-sxm-80gb --count 1024   what money buys\n"
           "isoflop plan --params 8B --tokens 15T                    what over-training costs and saves\n"
           "isoflop plan --loss 2.1 --inference-tokens 2T            cheapest over its life\n"
           "isoflop plan --compute 1e22 --unique-tokens 50B          when data run out";
  }

  void declare(OptionSet& options) override {
    options.group("Budget (one of)");
    options.number("--compute", compute_, "training FLOP; with --inference-tokens training and serving together",
                   NumberRange::positive());
    options.number("--usd", usd_, "money; needs --on", NumberRange::positive());
    options.number("--device-hours", device_hours_, "device-hours; needs --on", NumberRange::positive());
    options.number("--loss", loss_, "smallest cost that reaches this loss, nats/token", NumberRange::positive());
    options.number("--params", params_, "this size; alone: the tokens that make it compute-optimal",
                   NumberRange::positive());
    options.number("--tokens", tokens_, "with --params: this many training tokens", NumberRange::positive());
    options.group("Serving");
    options.number("--inference-tokens", serving_.tokens, "tokens served over the model's life",
                   NumberRange::not_negative());
    options.number("--serving-price", serving_.price, "price of a FLOP when serving over one when training",
                   NumberRange::positive());
    options.group("Hardware");
    options.text("--on", on_, "accelerator (isoflop accelerators list)");
    options.whole("--count", count_, "devices; gives days", 1, 10000000);
    options.number("--mfu", mfu_, "share of the bf16 peak that training reaches", {0, 1, true});
    options.number("--price", price_, "USD per device-hour instead of the catalogue's", NumberRange::positive());
    law_options_.declare(options);
  }

  Report run(const Settings& settings) override {
    check_question();
    Report report;
    const auto machine = open_machine(settings, report);
    const LawSource law = open_law(law_options_, settings, report);
    if (machine) {
      report.assumptions.push_back({"mfu", machine->mfu, "of the bf16 peak", "assumed unless given by --mfu"});
      if (usd_) compute_ = *usd_ / need_price(*machine) * machine->flop_per_hour();
      if (device_hours_) compute_ = *device_hours_ * machine->flop_per_hour();
    }
    if (serving_.tokens > 0)
      report.assumptions.push_back(
          {"serving_flop", "2 x active parameters per token", "FLOP", "Sardana et al. 2023, arXiv:2401.00448"});
    answer(law, machine, settings, report);
    return report;
  }

 private:
  void check_question() const {
    const int budgets = (compute_ ? 1 : 0) + (usd_ ? 1 : 0) + (device_hours_ ? 1 : 0);
    const std::string one = "give one of --compute, --usd, --device-hours, --loss or --params";
    if (budgets + (loss_ ? 1 : 0) + (params_ ? 1 : 0) == 0) throw Error(Fault::Usage, one);
    if (budgets > 1 || (budgets == 1 && (loss_ || params_)))
      throw Error(Fault::Usage, one + ", not several (--params goes with --tokens or --loss)");
    if (tokens_ && !params_) throw Error(Fault::Usage, "--tokens goes with --params");
    if (tokens_ && loss_) throw Error(Fault::Usage, "--params with --tokens leaves no loss to choose: drop --loss");
    if ((usd_ || device_hours_) && on_.empty())
      throw Error(Fault::Usage, std::string(usd_ ? "--usd" : "--device-hours") + " needs --on ACCELERATOR");
    if (on_.empty() && (count_ || price_)) throw Error(Fault::Usage, "--count and --price need --on ACCELERATOR");
  }

  std::optional<Machine> open_machine(const Settings& settings, Report& report) const {
    if (on_.empty()) return {};
    const auto catalogue = AcceleratorCatalogue::load(settings.data);
    const Accelerator& device = catalogue.require(on_);
    const auto peak = device.peak_flop_per_s(NumberFormat::Bf16);
    if (!peak) throw Error(Fault::Usage, device.id + " states no bf16 peak");
    Machine machine{device.id, *peak, mfu_, price_ ? price_ : device.price_usd_per_hour};
    report.inputs.push_back({catalogue.origin().path, catalogue.origin().sha256, 1, 0});
    report.assumptions.push_back({"peak_bf16", *peak, "FLOP/s", device.source});
    if (machine.usd_per_hour)
      report.assumptions.push_back(
          {"price", *machine.usd_per_hour, "USD per device-hour", price_ ? "--price" : device.price_source});
    return machine;
  }

  static double need_price(const Machine& machine) {
    if (!machine.usd_per_hour)
      throw Error(Fault::Usage, "the catalogue has no price for " + machine.id + ": add --price USD_PER_HOUR");
    return *machine.usd_per_hour;
  }

  // The plan under one law; a NaN loss where the law cannot reach what is asked.
  Allocation allocate(const LossSurface& surface) const {
    if (compute_) return best_for_budget(surface, *compute_, serving_);
    std::optional<double> tokens = tokens_;
    if (params_ && !tokens)
      tokens = loss_ ? tokens_for_loss(surface, *params_, *loss_) : optimal_tokens(surface, *params_);
    if (params_ && tokens) return allocation_at(surface, *params_, *tokens, serving_);
    if (!params_)
      if (const auto found = cheapest_for_loss(surface, *loss_, serving_)) return *found;
    return {params_.value_or(nan), nan, nan, nan, nan, true};
  }

  // The chosen budget is a given of the question, not a result: it has no interval.
  bool compute_is_given() const { return compute_.has_value() || (params_ && tokens_); }

  void answer(const LawSource& law, const std::optional<Machine>& machine, const Settings& settings, Report& report) {
    const Allocation plan = allocate(law.surface);
    report.result["law"] = Value::object({{"id", law.id}, {"label", law.label}, {"parameters", law.parameters},
                                          {"active_share", law.surface.active_share}});
    report.result["interval"] = law.has_intervals() ? Value::object({{"level", interval_level}, {"scheme", law.scheme}})
                                                    : Value::object({{"level", Value()}, {"reason", law.no_interval}});
    if (!std::isfinite(plan.loss)) {
      for (const char* key : {"compute_flop", "params", "tokens", "tokens_per_param", "loss"})
        report.result[key] = Value();
      report.headline = loss_ ? "No plan: " + law.label + " never reaches a loss of " + plain_text(*loss_) +
                                    (law.closed_form ? "; its floor E is " + plain_text(law.closed_form->E) : "") + "."
                              : "No plan: no number of tokens makes this size compute-optimal under " + law.label + ".";
      report.distrust =
          loss_ ? "the loss asked for lies below what the law can reach" : "the law has no optimum at this size";
      return;
    }
    const auto values = with_intervals(law, settings.threads, [&](const LossSurface& surface) {
      const auto each = allocate(surface);
      return std::vector<double>{each.training_flop, each.params, each.tokens, each.tokens / each.params, each.loss,
                                 each.serving_flop, each.training_flop + serving_.price * each.serving_flop};
    });
    const FittedValue &compute = values[0], &params = values[1], &tokens = values[2], &ratio = values[3],
                      &loss = values[4];
    report.result["compute_flop"] = compute;
    report.result["params"] = params;
    report.result["params_active"] = law.surface.active_share * plan.params;
    report.result["tokens"] = tokens;
    report.result["tokens_per_param"] = ratio;
    report.result["loss"] = loss;
    if (law.has_intervals() && loss_ && !std::isfinite(params_ ? tokens.low : compute.low))
      report.warnings.push_back(
          "more than a tenth of the resampled laws never reach this loss: no interval can be given");

    ReportTable table;
    table.title = "Plan";
    table.columns = {{"quantity", "quantity", Align::Left},
                     {"estimate", "estimate"},
                     {"90 % from", "low"},
                     {"to", "high"},
                     {"unit", "unit", Align::Left}};
    const auto row = [&](const std::string& what, const FittedValue& v, const std::string& unit, bool given) {
      table.rows.push_back(
          {what, cell(v.estimate), given ? TableCell() : cell(v.low), given ? TableCell() : cell(v.high), unit});
    };
    row("parameters", params, "", params_.has_value());
    if (law.surface.active_share < 1)
      table.rows.push_back(
          {std::string("active parameters"), plan.params * law.surface.active_share, {}, {}, std::string()});
    row("training tokens", tokens, "", tokens_.has_value());
    row("tokens per parameter", ratio, "", params_ && tokens_);
    row("loss", loss, "nats/token", loss_.has_value());
    row("training compute", compute, "FLOP", compute_is_given() && serving_.tokens == 0);
    if (serving_.tokens > 0) {
      row("serving compute", values[5], "FLOP", params_.has_value());
      row("training and serving", values[6], serving_.price == 1 ? "FLOP" : "FLOP, serving weighted by its price",
          compute_is_given());
      report.result["serving_flop"] = values[5];
      report.result["lifetime_flop"] = values[6];
    }
    if (law.repeats_data) {
      const double epochs = plan.tokens / *law_options_.unique_tokens;
      table.rows.push_back({std::string("epochs over the unique tokens"), epochs, {}, {}, std::string()});
      report.result["epochs"] = epochs;
    }
    if (machine) add_cost(*machine, values[6], table, report);
    table.note = law.has_intervals() ? "90 % intervals of the fitted law: " + law.scheme +
                                           ". They hold for the fitted form and do not include "
                                           "run-to-run noise, other data or other recipes."
                                     : "No intervals: " + law.no_interval + ".";
    report.tables.push_back(table);
    report.headline = headline(law, plan, values);
    if (!plan.interior) report.distrust = "the law has no optimum inside the searched sizes";
    for (const auto& warning : extrapolation_warnings(law, plan.training_flop, plan.params, plan.tokens))
      report.warnings.push_back(warning);
    add_departure(law, plan, settings, report);
    add_other_laws(law, report);
    add_explanation(law, plan, machine, report);
    report.plots = {loss_map_plot(law, plan), budget_plot(law, plan, settings.threads), departure_plot(law, plan)};
  }

  void add_cost(const Machine& machine, const FittedValue& flop, ReportTable& table, Report& report) const {
    const auto scaled = [](const FittedValue& v, double factor) {
      return FittedValue{v.estimate * factor, v.se * factor, v.low * factor, v.high * factor};
    };
    const FittedValue hours = scaled(flop, 1 / machine.flop_per_hour());
    report.result["device_hours"] = hours;
    const auto add = [&](const std::string& what, const FittedValue& v, const std::string& unit) {
      const bool given = compute_is_given();
      table.rows.push_back(
          {what, v.estimate, given ? TableCell() : cell(v.low), given ? TableCell() : cell(v.high), unit});
    };
    add("device-hours", hours, fmt::format("{} at {:.0f} % of its bf16 peak", machine.id, 100 * machine.mfu));
    if (machine.usd_per_hour) {
      const FittedValue cost = scaled(hours, *machine.usd_per_hour);
      report.result["cost_usd"] = cost;
      add("cost", cost, "USD");
    } else {
      report.result["cost_usd"] = Value();
      report.warnings.push_back("no price is known for " + machine.id + ": add --price USD_PER_HOUR");
    }
    if (count_ && serving_.tokens == 0) {
      const FittedValue days = scaled(hours, 1 / (24.0 * static_cast<double>(*count_)));
      report.result["days"] = days;
      add("days", days, fmt::format("on {} devices", *count_));
    }
  }

  std::string headline(const LawSource& law, const Allocation& plan, const std::vector<FittedValue>& values) const {
    std::string what;
    if (params_ && tokens_) {
      what = count_text(plan.params) + " parameters on " + count_text(plan.tokens) + " tokens";
      if (serving_.tokens > 0) what += " and " + count_text(serving_.tokens) + " served";
      what += " cost " + format_number(plan.training_flop, 3) + " FLOP of training and reach a loss of " +
              interval_text(values[4], plain_text);
    } else if (params_) {
      what = count_text(plan.params) + " parameters " +
             (loss_ ? "reach a loss of " + plain_text(*loss_) + " with " : "are compute-optimal at ") +
             interval_text(values[2], count_text) + " tokens, " + format_number(plan.training_flop, 3) + " FLOP";
    } else {
      const std::string budget =
          loss_ ? "A loss of " + plain_text(*loss_) + " costs least" : format_number(*compute_, 3) + " FLOP go best";
      what = budget + (loss_ ? " with " : " into ") + interval_text(values[1], count_text) + " parameters and " +
             interval_text(values[2], count_text) + " tokens, " +
             interval_text(values[3], [](double x) { return format_number(x, 3); }) + " tokens per parameter" +
             (loss_ ? ", " + interval_text(values[6], [](double x) { return format_number(x, 3); }) + " FLOP"
                    : ", loss " + interval_text(values[4], plain_text));
      if (serving_.tokens > 0) what += ", with " + count_text(serving_.tokens) + " tokens served";
    }
    return what + ", by " + law.label + ".";
  }

  // Against the compute-optimal model: only where size or serving pull the plan away from it.
  void add_departure(const LawSource& law, const Allocation& plan, const Settings& settings, Report& report) const {
    if (!(params_ && (tokens_ || loss_)) && serving_.tokens == 0) return;
    const double params = plan.params, tokens = plan.tokens;
    const bool fixed = params_.has_value() && tokens_.has_value();
    const auto values = with_intervals(law, settings.threads, [&](const LossSurface& surface) {
      const auto each = fixed ? Allocation{params, tokens, 0, 0, 0, true} : allocate(surface);
      if (!std::isfinite(each.tokens)) return std::vector<double>(8, nan);
      const auto d = departure_from_optimum(surface, each.params, each.tokens, serving_.price);
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
  void add_other_laws(const LawSource& law, Report& report) const {
    if (law.surface.active_share < 1 || law.repeats_data || loss_ || !law_options_.given.empty()) return;
    ReportTable table;
    table.title = "The same question under other constants";
    table.columns = {
        {"constants", "constants", Align::Left},      {"parameters", "params"}, {"tokens", "tokens"},
        {"tokens per parameter", "tokens_per_param"}, {"floor E", "E"},         {"source", "source", Align::Left}};
    Value others = Value::array();
    const auto add = [&](const std::string& id, const std::string& source, const ChinchillaLaw& form) {
      const auto surface = surface_of(form);
      Allocation each;
      if (compute_) {
        each = best_for_budget(surface, *compute_, serving_);
      } else {
        const auto tokens = optimal_tokens(surface, *params_);
        each = allocation_at(surface, *params_, tokens.value_or(nan));
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
    table.note = params_ ? "Tokens at which this size is compute-optimal. Losses and floors compare only within one "
                           "data set and tokenizer."
                         : "Rounded constants are shown because they are widely used; they are off by what rounding "
                           "does. Floors compare only "
                           "within one data set and tokenizer.";
    report.result["other_laws"] = others;
    report.tables.push_back(table);
  }

  void add_explanation(const LawSource& law, const Allocation& plan, const std::optional<Machine>& machine,
                       Report& report) const {
    ReportTable chain;
    chain.title = "From input to answer";
    chain.columns = {{"step", "step", Align::Left}, {"value", "value", Align::Right, 6}, {"how", "how", Align::Left}};
    if (machine) {
      chain.rows.push_back(
          {std::string("FLOP per device-hour"), machine->flop_per_hour(),
           fmt::format("{} x {} x 3600 s", format_si(machine->peak_flop_per_s, "FLOP/s"), machine->mfu)});
      if (usd_)
        chain.rows.push_back({std::string("device-hours"), *usd_ / *machine->usd_per_hour, std::string("USD / price")});
      if (usd_ || device_hours_)
        chain.rows.push_back(
            {std::string("budget, FLOP"), *compute_, std::string("device-hours x FLOP per device-hour")});
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

  std::optional<double> compute_, usd_, device_hours_, loss_, params_, tokens_, price_;
  std::optional<long> count_;
  std::string on_;
  double mfu_ = 0.4;
  Serving serving_;
  LawOptions law_options_;
};

}  // namespace

std::unique_ptr<Command> make_plan() { return std::make_unique<PlanCommand>(); }

}  // namespace isoflop::app
