// `isoflop sweep`: real training runs over a grid of sizes and budgets; `isoflop fit` reads what it writes.
#include <fmt/format.h>

#include <map>

#include "apps/commands.h"
#include "apps/machine/energy_report.h"
#include "apps/machine/sweep_company.h"
#include "apps/machine/sweep_options.h"
#include "apps/machine/sweep_report.h"
#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/parallel.h"

namespace isoflop::app {
namespace {

class SweepCommand : public Command {
 public:
  std::string name() const override { return "sweep"; }
  std::string summary() const override {
    return "train a grid of small transformers for real on this CPU: losses to fit laws to";
  }
  std::string examples() const override {
    return "isoflop sweep --dry-run --flop 1e13                      what would run, and for how long\n"
           "isoflop sweep --folder sweep1 --flop 1e13 -j 2           make it; again to continue after a stop\n"
           "isoflop sweep --folder sweep1 --time 40m\n"
           "isoflop sweep --folder sweep1 --resume                   the plan of the folder, whatever made it\n"
           "isoflop sweep --folder part3 --flop 1e14 --shard 3/8     the third of eight parts; then isoflop sweep "
           "merge\n"
           "isoflop fit sweep1/runs.csv";
  }
  void declare(OptionSet& options) override {
    options.text("--folder", folder_, "where plan, records, runs.csv and curves.csv go");
    options.flag("--dry-run", dry_run_, "show the plan with predicted FLOP and time; make nothing");
    options.flag("--no-probe", no_probe_, "with --dry-run: predict no times");
    options.flag("--resume", resume_, "continue the plan that is in the folder; options of the plan are not read");
    options.text("--shard", shard_, "i/n: only every n-th run, from the i-th");
    options.duration("--checkpoint-every", checkpoint_every_s_, "time that a killed run loses at most (default 10s)");
    options.number("--tdp", tdp_, "watts of the processor at full load, for energy where it is not counted",
                   NumberRange::positive());
    plan_.declare(options);
  }

  Report run(const Settings& settings) override {
    SweepClock clock;
    const sim::SweepPlan plan =
        resume_ ? sim::SweepPlan::from_json(read_file(sim::plan_path(folder_)), sim::plan_path(folder_))
                : plan_.plan(settings, clock);
    sim::SweepOptions options;
    options.folder = folder_;
    options.jobs = settings.threads;
    options.checkpoint_every_s = checkpoint_every_s_.value_or(10);
    read_shard(options);
    Report report;
    report.seed = plan.settings().seed;
    assume_sweep(report, plan);
    if (dry_run_) {
      std::map<std::string, double> seconds;
      const auto runs = sim::shard_runs(plan, options.shard, options.shards);
      for (const auto& run : runs)
        if (!no_probe_) seconds[run.name] = clock.seconds(plan, run);
      report_plan(report, plan, runs, seconds);
      if (!plan.tuning().empty())
        report.messages.push_back(fmt::format("Before them {} tuning runs, {} FLOP.", plan.tuning().size(),
                                              format_number(tuning_flop(plan), 3)));
      return report;
    }
    sim::EnergyMeter meter(tdp_.value_or(0));
    options.progress = [&](const sim::SweepProgress& p) {
      meter.sample();
      settings.progress(p.flop > 0 ? p.flop_done / p.flop : 0,
                        fmt::format("{} of {} runs, {} left, {}", p.runs_done, p.runs,
                                    p.remaining_s > 0 ? format_duration_s(p.remaining_s, 2) : "?", p.now));
    };
    const auto outcome = make(plan, options);
    const auto energy = meter.read();
    report_records(report, plan, outcome.records, folder_);
    if (outcome.found > 0) report.messages.push_back(fmt::format("{} runs were already done.", outcome.found));
    if (outcome.continued > 0)
      report.messages.push_back(fmt::format("{} runs continued from a checkpoint.", outcome.continued));
    report.result["seconds"] = outcome.seconds;
    report.result["flop_per_s"] = outcome.seconds > 0 ? Value(outcome.flop_made / outcome.seconds) : Value();
    report.result["source"] = outcome.source_name;
    // Of this machine alone, and of what was made now.
    if (!sweep_company() && outcome.made > 0) report_energy(report, energy);
    if (options.shards > 1)
      report.messages.push_back(fmt::format("This was part {} of {}; isoflop sweep merge puts the folders together.",
                                            options.shard, options.shards));
    return report;
  }

 private:
  static sim::SweepOutcome make(const sim::SweepPlan& plan, sim::SweepOptions options) {
    const auto& company = sweep_company();
    if (!company || company->processes < 2) return sim::run_sweep(plan, options);
    if (options.shards > 1) throw Error(Fault::Usage, "--shard: the processes of isoflop-mpi are the shards");
    if (options.jobs == 0) options.jobs = 1;  // there is a process for every processor
    company->tell(sweep_order(plan, options));
    options.shards = company->processes;
    return sim::run_sweep_together(plan, options, company->wait);
  }

  static double tuning_flop(const sim::SweepPlan& plan) {
    double sum = 0;
    for (const auto& run : plan.tuning()) sum += run.flop;
    return sum;
  }

  void read_shard(sim::SweepOptions& options) const {
    if (shard_.empty()) return;
    const auto slash = std::min(shard_.find('/'), shard_.size());
    const auto i = parse_plain_number(shard_.substr(0, slash)),
               n = parse_plain_number(slash < shard_.size() ? shard_.substr(slash + 1) : "");
    if (!i || !n || *i < 1 || *n < *i || *n > 1e6 || *i != static_cast<double>(static_cast<long>(*i)) ||
        *n != static_cast<double>(static_cast<long>(*n)))
      throw Error(Fault::Usage, "--shard: \"" + shard_ + "\" is not i/n with 1 <= i <= n");
    options.shard = static_cast<std::size_t>(*i);
    options.shards = static_cast<std::size_t>(*n);
  }

  std::string folder_ = "sweep", shard_;
  bool dry_run_ = false, no_probe_ = false, resume_ = false;
  std::optional<double> checkpoint_every_s_, tdp_;
  SweepOptionSet plan_;
};

class SweepMerge : public Command {
 public:
  std::string name() const override { return "sweep merge"; }
  std::string summary() const override {
    return "Put the folders of a sweep's parts together: the same files as from one run.";
  }
  std::string examples() const override {
    return "isoflop sweep merge part1 part2 part3 --into whole\n"
           "isoflop sweep merge sweep1 --into sweep1             tables of what is done so far";
  }
  void declare(OptionSet& options) override {
    options.positionals("FOLDERS", folders_, "folders of the same plan");
    options.text("--into", into_, "folder of the whole");
  }
  Report run(const Settings&) override {
    const auto records = sim::merge_sweeps(folders_, into_);
    const std::string path = sim::plan_path(into_);
    const sim::SweepPlan plan = sim::SweepPlan::from_json(read_file(path), path);
    Report report;
    assume_sweep(report, plan);
    report_records(report, plan, records, into_);
    if (records.size() < plan.runs().size() && report.distrust.empty())
      report.distrust =
          fmt::format("{} of {} planned runs are missing", plan.runs().size() - records.size(), plan.runs().size());
    return report;
  }

 private:
  std::vector<std::string> folders_;
  std::string into_ = "merged";
};

}  // namespace

std::unique_ptr<Command> make_sweep() { return std::make_unique<SweepCommand>(); }
std::unique_ptr<Command> make_sweep_merge() { return std::make_unique<SweepMerge>(); }

}  // namespace isoflop::app
