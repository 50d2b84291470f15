// `isoflop footprint`: energy, carbon, water, heat and embodied impact of a run, a fleet, a load or a published figure.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "apps/catalogue/catalogue_report.h"
#include "apps/commands.h"
#include "apps/footprint/footprint_elsewhere.h"
#include "apps/footprint/footprint_load.h"
#include "apps/footprint/footprint_modes.h"
#include "apps/footprint/footprint_options.h"
#include "apps/footprint/footprint_report.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/catalogue/name_index.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/footprint/codecarbon.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

/// What the user named: a published row, a model of the catalogue, or only options.
struct Subject {
  std::optional<PublishedFootprint> row;
  const ModelRecord* model = nullptr;
  std::string label = "this run";
  std::optional<double> params, tokens;

  /// A run of this model, on whatever chip, is as old as the model.
  std::string release_date() const { return row ? row->release_date : model ? model->release_date : ""; }
};

std::optional<double> as_number(const Count& count) {
  return count ? std::optional(static_cast<double>(*count)) : std::nullopt;
}

class FootprintCommand : public Command {
 public:
  std::string name() const override { return "footprint"; }
  std::string summary() const override {
    return "energy, carbon, water, heat and embodied impact of a run, fleet, load or published figure";
  }
  std::string examples() const override {
    return "isoflop footprint llama-3.1-405b\n"
           "isoflop footprint llama-2-70b --as meta\n"
           "isoflop footprint --on h100-sxm-80gb --hours 30.84M --pue 1.09 --grid USA\n"
           "isoflop footprint --on h100-sxm-80gb --params 70B --tokens 15T --grid France --explain\n"
           "isoflop footprint --on h100-sxm-80gb --count 1024 --days 30 --busy 0.6 --grid SWE -o ledger.svg\n"
           "isoflop footprint llama-3.1-70b --on h100-sxm-80gb --tokens-per-day 1B --batch 64 --days 365 --grid USA\n"
           "isoflop footprint llama-2-70b --compare-zones FRA,SWE,USA,IND\n"
           "isoflop footprint --hourly grid.csv --job-hours 4 --slack-hours 24\n"
           "isoflop footprint --codecarbon emissions.csv\n"
           "isoflop footprint --cohort\n"
           "isoflop footprint --published";
  }

  void declare(OptionSet& options) override {
    options.positional("SUBJECT", subject_, "published run or model of the catalogue, e.g. llama-3.1-405b, bloom",
                       false);
    options_.declare_run(options);
    load_.declare(options);
    options_.declare_site(options);
    options_.declare_overheads(options);
    options.group("Published figures");
    std::vector<std::string> conventions = convention_names();
    options.choice("--as", convention_, conventions, "replay the figure by its owner's rules before restating it");
    options.flag("--cohort", cohort_,
                 "the environmental table of the spring-2024 models, published against recomputed");
    options.text(
        "--claims", claims_,
        "with --cohort: a table of printed figures to check (model, training_flop, accelerator_hours, claimed_tco2e)");
    options.flag("--published", published_, "list every published run with its audit");
    options.text("--scope", scope_, "which of several runs of the model");
    options.group("When and where else");
    options.text("--hourly", hourly_, "hourly grid series (CSV: time, kgco2e_per_kwh or gco2e_per_kwh) to schedule on");
    options.number("--job-hours", job_hours_, "length of the job: 4, or --days of a run, when absent",
                   NumberRange::positive());
    options.number("--slack-hours", job_.slack_hours, "how much later it may end", NumberRange::not_negative());
    options.list("--compare-zones", zones_, "the same run in these zones, ranked by carbon and water");
    options.group("Files of CodeCarbon");
    options.text("--codecarbon", codecarbon_, "read an emissions.csv, doubt it, and restate it");
    options.text("--codecarbon-out", codecarbon_out_, "write this run as an emissions.csv");
    options.group("Score and accuracy");
    options.number("--units", units_, "functional units of the SCI score (default: tokens)", NumberRange::positive());
    options.text("--unit-name", unit_name_, "their name");
    options.whole("--draws", draws_, "Monte Carlo draws per sample", 256, 10000000);
  }

  Report run(const Settings& settings) override {
    if (published_) return published_report(settings.data);
    if (cohort_ || !claims_.empty()) return cohort_report(settings, claims_, static_cast<std::size_t>(draws_));
    const auto devices = AcceleratorCatalogue::load(settings.data);
    const auto grids = GridCatalogue::load(settings.data);
    const auto table = PublishedTable::load(settings.data);
    const auto models = ModelCatalogue::load(settings.data);
    const MfuPrior prior(observed_runs(table.all(), devices));

    if (!codecarbon_.empty()) {
      ActivityInputs site = default_inputs(devices.require("h100-sxm-80gb"), Use::Training);
      options_.apply_rest(site, grids, settings.data);
      return codecarbon_report(settings, codecarbon_, site, !options_.grid.empty());
    }
    Report report;
    report.command = "footprint";
    if (!hourly_.empty() && subject_.empty() && !options_.names_a_run() && !load_.tokens_per_day) {
      FlexibleJob job = job_;
      if (job_hours_) job.hours = *job_hours_;
      put_schedule(report, CsvTable::read(hourly_), job, settings.seed, {});
      report.seed = settings.seed;
      return report;
    }
    const Subject subject = find_subject(report, table, models);
    if (subject.row && subject.row->model_id == "gemini-prompt")
      return gemini_report(settings.data, settings.seed, settings.threads);
    if (!convention_.empty() && convention_ != "sci" && !subject.row)
      throw Error(Fault::Usage, "--as replays a published figure; name one (isoflop footprint --published)");

    const Accelerator& device = choose_device(subject, devices);
    if (load_.tokens_per_day && options_.device.empty())
      report.warnings.push_back("served on " + device.id + ", on which the model was trained: name another with --on");
    // A load is not the training run of the row: its grid, host and power are the server's.
    ActivityInputs inputs = subject.row && options_.device.empty() && !load_.tokens_per_day &&
                                    !(subject.row->accelerator_hours == std::nullopt && options_.names_a_run())
                                ? inputs_of(*subject.row, device, grids, prior)
                                : default_inputs(device, load_.tokens_per_day ? Use::Serving : Use::Training);
    if (load_.tokens_per_day) {
      load_.apply(inputs, subject.model, options_.params ? options_.params : subject.params, device, options_);
    } else {
      options_.apply_run(inputs, device, subject.params, subject.tokens, subject.release_date(), prior);
    }
    options_.apply_rest(inputs, grids, settings.data);

    const FootprintEstimate estimate =
        assess(inputs, {static_cast<std::size_t>(draws_), settings.seed, settings.threads});
    if (estimate.draws > 0) report.seed = settings.seed;
    put_footprint(report.result, estimate);
    report.result["subject"] = subject.label;
    report.result["device"] = device.id;
    // A load, or a run described by options, is not what the owner printed about.
    if (subject.row && !load_.tokens_per_day && !options_.names_a_run()) {
      put_published(report, *subject.row, devices, table.all(), estimate);
      if (!convention_.empty() && convention_ != "sci")
        describe_replay(report, replay(convention_, *subject.row, device_of(*subject.row, devices)));
    }
    const double units = score_units(subject);
    if (convention_ == "sci")
      describe_replay(report, replay_sci(inputs, units > 0 ? units : 1, units > 0 ? unit_name_ : "run"));
    describe_footprint(report, estimate, subject.label + ", in the common convention");
    if (subject.row && subject.row->operational_tco2e && !load_.tokens_per_day && !options_.names_a_run())
      mark_printed(report, *subject.row->operational_tco2e * 1e3, estimate);
    put_score(report, estimate, units);
    put_equivalences(report, estimate.total_kg, load_equivalences(settings.data));
    if (load_.tokens_per_day && load_.joules_per_token.empty()) {
      const ServingPoint point = load_.point(subject.model, options_.params ? options_.params : subject.params, device);
      load_.explain(report, point);
      if (const std::string warning = load_.prompt_warning(point); !warning.empty())
        report.warnings.push_back(warning);
    }
    if (!zones_.empty())
      put_zones(report, inputs, zones_, options_.year, grids, {4096, settings.seed, settings.threads});
    if (!hourly_.empty()) {
      FlexibleJob job = job_;
      if (job_hours_) job.hours = *job_hours_;
      if (!job_hours_ && options_.days && !load_.tokens_per_day) job.hours = *options_.days * 24;
      const bool is_the_run = job_hours_ || (options_.days && !load_.tokens_per_day);
      put_schedule(report, CsvTable::read(hourly_), job, settings.seed,
                   is_the_run ? std::optional(estimate.facility_kwh.central) : std::nullopt);
      if (!is_the_run)
        report.warnings.push_back("the schedule is for a job of 4 h, and how long this run takes is not known: give " +
                                  std::string("--job-hours for what waiting would save of it"));
    }
    if (!codecarbon_out_.empty()) write_emissions_file(estimate, subject, device);
    if (const std::string why = FootprintOptions::why_implausible_power(inputs, device);
        !why.empty() && !load_.tokens_per_day && report.distrust.empty())
      report.distrust = why;
    add_inputs(report, devices, grids, table, subject);
    warn(report, inputs, estimate);
    const bool needs_space = !report.headline.empty() && report.headline.front() != ' ';
    report.headline = headline(subject, estimate) + (needs_space ? " " : "") + report.headline;
    return report;
  }

 private:
  Subject find_subject(Report& report, const PublishedTable& table, const ModelCatalogue& models) const {
    Subject found;
    if (subject_.empty()) {
      if (!options_.names_a_run() && !load_.tokens_per_day)
        throw Error(Fault::Usage,
                    "name a run: a model (isoflop footprint llama-3.1-405b), or --on with --hours, --count and --days, "
                    "or --params and --tokens");
      if (load_.tokens_per_day) found.label = "this load";
      return found;
    }
    for (const auto& row : method_rows())
      if (comparable_name(row.model_id) == comparable_name(subject_) ||
          comparable_name(row.model) == comparable_name(subject_) ||
          (row.model_id == "gemini-prompt" && comparable_name(subject_) == comparable_name("gemini")))
        found.row = row;
    auto rows = table.find(subject_);
    if (!scope_.empty())
      std::erase_if(rows, [&](const auto* row) { return row->scope.find(scope_) == std::string::npos; });
    if (!scope_.empty() && rows.empty())
      throw Error(Fault::Usage, "no published run of " + subject_ + " has \"" + scope_ + "\" in its scope");
    if (!rows.empty()) found.row = *rows.front();
    if (rows.size() > 1)
      report.warnings.push_back(fmt::format("{} published runs of this name; this is \"{}\" (choose with --scope)",
                                            rows.size(), rows.front()->scope));
    found.model = models.find(subject_);
    if (!found.row && !found.model) {
      std::vector<std::string> names = table.names();
      for (const auto& id : models.ids()) names.push_back(id);
      throw unknown_name("model or published run", subject_, names);
    }
    found.label = found.row ? found.row->label() : found.model->name;
    if (load_.tokens_per_day) found.label += ", served";
    if (found.row) found.params = found.row->active(), found.tokens = found.row->tokens;
    if (found.model && !found.params) found.params = as_number(found.model->params_active());
    if (found.model && !found.tokens) found.tokens = as_number(found.model->training_tokens);
    return found;
  }

  const Accelerator& choose_device(const Subject& subject, const AcceleratorCatalogue& devices) const {
    if (!options_.device.empty()) return devices.require(options_.device);
    if (subject.row)
      if (const Accelerator* device = device_of(*subject.row, devices)) return *device;
    throw Error(Fault::Usage, "name the accelerator: --on h100-sxm-80gb (isoflop accelerators list)");
  }

  double score_units(const Subject& subject) const {
    if (units_) return *units_;
    if (load_.tokens_per_day) return *load_.tokens_per_day * options_.days.value_or(1);
    if (options_.tokens) return *options_.tokens;
    return subject.tokens.value_or(0);
  }

  void put_score(Report& report, const FootprintEstimate& f, double units) const {
    const auto per = [&](double n) {
      return Estimate{f.total_kg.low * 1e3 / n, f.total_kg.central * 1e3 / n, f.total_kg.high * 1e3 / n,
                      f.total_kg.origin};
    };
    Value& sci = report.result["sci"] =
        Value::object({{"per_run_g", per(1)},
                       {"unit", nullptr},
                       {"per_unit_g", nullptr},
                       {"rule", "SCI 1.1: (E I + M) / R, location-based; no market instruments"}});
    if (!(units > 0)) return;
    sci["unit"] = unit_name_;
    sci["per_unit_g"] = per(units);
    auto& t = report.tables[t_of(report)];
    const auto score = per(units / 1e6);
    t.rows.push_back(
        {"SCI score per million " + unit_name_ + "s", score.low, score.central, score.high, std::string("g CO2e")});
  }
  /// The table of results, which a replay may precede.
  static std::size_t t_of(const Report& report) {
    for (std::size_t i = 0; i < report.tables.size(); ++i)
      if (report.tables[i].title.ends_with("in the common convention")) return i;
    return 0;
  }

  void write_emissions_file(const FootprintEstimate& estimate, const Subject& subject,
                            const Accelerator& device) const {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto today = std::chrono::floor<std::chrono::days>(now);
    const std::chrono::year_month_day date(today);
    const std::chrono::hh_mm_ss time(now - today);
    EmissionsLabels labels;
    labels.timestamp = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                   time.hours().count(), time.minutes().count(), time.seconds().count());
    labels.project = subject.label;
    labels.run_id = "isoflop";
    labels.gpu_model = device.name;
    labels.tool_version = tool_facts().version;
    labels.country_iso = options_.grid.size() == 3 ? options_.grid : "";
    labels.device_count = options_.count;
    if (!labels.device_count && subject.row && options_.device.empty())
      labels.device_count = subject.row->accelerator_count;
    write_file(codecarbon_out_, write_emissions(estimate, labels));
  }

  static void add_inputs(Report& report, const AcceleratorCatalogue& devices, const GridCatalogue& grids,
                         const PublishedTable& table, const Subject& subject) {
    report.inputs.push_back(input_of(devices.origin(), 1));
    report.inputs.push_back(input_of(grids.origin(), 1));
    report.inputs.push_back(input_of(table.origin(), subject.row ? 1 : table.all().size()));
  }

  void warn(Report& report, const ActivityInputs& inputs, const FootprintEstimate& f) const {
    if (inputs.ewif_l_per_kwh.distribution.median() > 20)
      report.warnings.push_back("more off-site water than any grid of the tables (Brazil 18.6 L/kWh): check the unit");
    if (inputs.grid_kg_per_kwh.source.starts_with("assumed"))
      report.warnings.push_back("no grid is known: the interval spans Norway to India; give --grid");
    if (inputs.grid_kg_per_kwh.source.starts_with("United States"))
      report.warnings.push_back(
          "a country's average grid: regions within the US lie between 0.08 and 0.56 kg/kWh; name the region (isoflop "
          "grids list)");
    if (inputs.wue_l_per_kwh.distribution.median() > implausible_wue_l_per_kwh)
      report.warnings.push_back(fmt::format("{} L/kWh on-site is more than evaporation needs (1.47): check the unit",
                                            format_number(inputs.wue_l_per_kwh.distribution.median(), 3)));
    if (inputs.market_kg_per_kwh && f.market_kg->central < f.operational_kg.central)
      report.warnings.push_back(
          "the market-based figure is lower than the physical one; it is shown beside, never in totals or SCI");
    if (inputs.ewif_l_per_kwh.distribution.median() > 5 && inputs.grid_kg_per_kwh.distribution.median() < 0.15)
      report.warnings.push_back(
          "a low-carbon grid with thirsty generation (reservoirs): do not rank sites by carbon alone");
  }

  std::string headline(const Subject& subject, const FootprintEstimate& f) const {
    std::string text = fmt::format("{}: {} in all, {} of it embodied, from {} of electricity", subject.label,
                                   with_interval(f.total_kg, carbon_unit(f.total_kg.central)),
                                   with_interval(f.embodied_kg, carbon_unit(f.embodied_kg.central)),
                                   with_interval(f.facility_kwh, energy_unit(f.facility_kwh.central)));
    if (f.draws > 0) text += " (90 % intervals); " + widest_input(f);
    return text + ".";
  }

  FootprintOptions options_;
  std::string subject_, convention_, scope_, unit_name_ = "token", claims_, hourly_, codecarbon_, codecarbon_out_;
  std::optional<double> units_, job_hours_;
  ServingLoad load_;
  FlexibleJob job_;
  std::vector<std::string> zones_;
  bool published_ = false, cohort_ = false;
  long draws_ = 16384;
};

}  // namespace

std::unique_ptr<Command> make_footprint() { return std::make_unique<FootprintCommand>(); }

}  // namespace isoflop::app
