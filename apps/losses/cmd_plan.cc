// `plan`: what to train for a budget in FLOP, money or device-hours, for a loss, or at a given size.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "apps/commands.h"
#include "apps/losses/law_source.h"
#include "apps/losses/plan_plots.h"
#include "apps/losses/plan_tables.h"
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
    options.number("--compute", q_.compute, "training FLOP; with --inference-tokens training and serving together",
                   NumberRange::positive());
    options.number("--usd", q_.usd, "money; needs --on", NumberRange::positive());
    options.number("--device-hours", q_.device_hours, "device-hours; needs --on", NumberRange::positive());
    options.number("--loss", q_.loss, "smallest cost that reaches this loss, nats/token", NumberRange::positive());
    options.number("--params", q_.params, "this size; alone: the tokens that make it compute-optimal",
                   NumberRange::positive());
    options.number("--tokens", q_.tokens, "with --params: this many training tokens", NumberRange::positive());
    options.group("Serving");
    options.number("--inference-tokens", q_.serving.tokens, "tokens served over the model's life",
                   NumberRange::not_negative());
    options.number("--serving-price", q_.serving.price, "price of a FLOP when serving over one when training",
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
      if (q_.usd) q_.compute = *q_.usd / need_price(*machine) * machine->flop_per_hour();
      if (q_.device_hours) q_.compute = *q_.device_hours * machine->flop_per_hour();
    }
    if (q_.serving.tokens > 0)
      report.assumptions.push_back(
          {"serving_flop", "2 x active parameters per token", "FLOP", "Sardana et al. 2023, arXiv:2401.00448"});
    answer(law, machine, settings, report);
    return report;
  }

 private:
  void check_question() const {
    const int budgets = (q_.compute ? 1 : 0) + (q_.usd ? 1 : 0) + (q_.device_hours ? 1 : 0);
    const std::string one = "give one of --compute, --usd, --device-hours, --loss or --params";
    if (budgets + (q_.loss ? 1 : 0) + (q_.params ? 1 : 0) == 0) throw Error(Fault::Usage, one);
    if (budgets > 1 || (budgets == 1 && (q_.loss || q_.params)))
      throw Error(Fault::Usage, one + ", not several (--params goes with --tokens or --loss)");
    if (q_.tokens && !q_.params) throw Error(Fault::Usage, "--tokens goes with --params");
    if (q_.tokens && q_.loss) throw Error(Fault::Usage, "--params with --tokens leaves no loss to choose: drop --loss");
    if ((q_.usd || q_.device_hours) && on_.empty())
      throw Error(Fault::Usage, std::string(q_.usd ? "--usd" : "--device-hours") + " needs --on ACCELERATOR");
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

  void answer(const LawSource& law, const std::optional<Machine>& machine, const Settings& settings, Report& report) {
    const Allocation plan = q_.allocate(law.surface);
    report.result["law"] = Value::object({{"id", law.id}, {"label", law.label}, {"parameters", law.parameters},
                                          {"active_share", law.surface.active_share}});
    report.result["interval"] = law.has_intervals() ? Value::object({{"level", interval_level}, {"scheme", law.scheme}})
                                                    : Value::object({{"level", Value()}, {"reason", law.no_interval}});
    if (!std::isfinite(plan.loss)) {
      for (const char* key : {"compute_flop", "params", "tokens", "tokens_per_param", "loss"})
        report.result[key] = Value();
      report.headline = q_.loss ? "No plan: " + law.label + " never reaches a loss of " + plain_text(*q_.loss) +
                                    (law.closed_form ? "; its floor E is " + plain_text(law.closed_form->E) : "") + "."
                              : "No plan: no number of tokens makes this size compute-optimal under " + law.label + ".";
      report.distrust =
          q_.loss ? "the loss asked for lies below what the law can reach" : "the law has no optimum at this size";
      return;
    }
    const auto values = with_intervals(law, settings.threads, [&](const LossSurface& surface) {
      const auto each = q_.allocate(surface);
      return std::vector<double>{each.training_flop, each.params, each.tokens, each.tokens / each.params, each.loss,
                                 each.serving_flop, each.training_flop + q_.serving.price * each.serving_flop};
    });
    const FittedValue &compute = values[0], &params = values[1], &tokens = values[2], &ratio = values[3],
                      &loss = values[4];
    report.result["compute_flop"] = compute;
    report.result["params"] = params;
    report.result["params_active"] = law.surface.active_share * plan.params;
    report.result["tokens"] = tokens;
    report.result["tokens_per_param"] = ratio;
    report.result["loss"] = loss;
    if (law.has_intervals() && q_.loss && !std::isfinite(q_.params ? tokens.low : compute.low))
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
    row("parameters", params, "", q_.params.has_value());
    if (law.surface.active_share < 1)
      table.rows.push_back(
          {std::string("active parameters"), plan.params * law.surface.active_share, {}, {}, std::string()});
    row("training tokens", tokens, "", q_.tokens.has_value());
    row("tokens per parameter", ratio, "", q_.params && q_.tokens);
    row("loss", loss, "nats/token", q_.loss.has_value());
    row("training compute", compute, "FLOP", q_.compute_is_given() && q_.serving.tokens == 0);
    if (q_.serving.tokens > 0) {
      row("serving compute", values[5], "FLOP", q_.params.has_value());
      row("training and serving", values[6], q_.serving.price == 1 ? "FLOP" : "FLOP, serving weighted by its price",
          q_.compute_is_given());
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
    add_departure(q_, law, plan, settings, report);
    add_other_laws(q_, law, !law_options_.given.empty(), report);
    add_explanation(q_, law, plan, machine, report);
    report.plots = {loss_map_plot(law, plan), budget_plot(law, plan, settings.threads), departure_plot(law, plan)};
  }

  void add_cost(const Machine& machine, const FittedValue& flop, ReportTable& table, Report& report) const {
    const auto scaled = [](const FittedValue& v, double factor) {
      return FittedValue{v.estimate * factor, v.se * factor, v.low * factor, v.high * factor};
    };
    const FittedValue hours = scaled(flop, 1 / machine.flop_per_hour());
    report.result["device_hours"] = hours;
    const auto add = [&](const std::string& what, const FittedValue& v, const std::string& unit) {
      const bool given = q_.compute_is_given();
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
    if (count_ && q_.serving.tokens == 0) {
      const FittedValue days = scaled(hours, 1 / (24.0 * static_cast<double>(*count_)));
      report.result["days"] = days;
      add("days", days, fmt::format("on {} devices", *count_));
    }
  }

  std::string headline(const LawSource& law, const Allocation& plan, const std::vector<FittedValue>& values) const {
    std::string what;
    if (q_.params && q_.tokens) {
      what = count_text(plan.params) + " parameters on " + count_text(plan.tokens) + " tokens";
      if (q_.serving.tokens > 0) what += " and " + count_text(q_.serving.tokens) + " served";
      what += " cost " + format_number(plan.training_flop, 3) + " FLOP of training and reach a loss of " +
              interval_text(values[4], plain_text);
    } else if (q_.params) {
      what = count_text(plan.params) + " parameters " +
             (q_.loss ? "reach a loss of " + plain_text(*q_.loss) + " with " : "are compute-optimal at ") +
             interval_text(values[2], count_text) + " tokens, " + format_number(plan.training_flop, 3) + " FLOP";
    } else {
      const std::string budget =
          q_.loss ? "A loss of " + plain_text(*q_.loss) + " costs least"
                  : format_number(*q_.compute, 3) + " FLOP go best";
      what = budget + (q_.loss ? " with " : " into ") + interval_text(values[1], count_text) + " parameters and " +
             interval_text(values[2], count_text) + " tokens, " +
             interval_text(values[3], [](double x) { return format_number(x, 3); }) + " tokens per parameter" +
             (q_.loss ? ", " + interval_text(values[6], [](double x) { return format_number(x, 3); }) + " FLOP"
                    : ", loss " + interval_text(values[4], plain_text));
      if (q_.serving.tokens > 0) what += ", with " + count_text(q_.serving.tokens) + " tokens served";
    }
    return what + ", by " + law.label + ".";
  }

  PlanQuestion q_;
  std::optional<double> price_;
  std::optional<long> count_;
  std::string on_;
  double mfu_ = 0.4;
  LawOptions law_options_;
};

}  // namespace

std::unique_ptr<Command> make_plan() { return std::make_unique<PlanCommand>(); }

}  // namespace isoflop::app
