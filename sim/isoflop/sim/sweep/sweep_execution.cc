#include "isoflop/sim/sweep/sweep_execution.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"
#include "isoflop/parallel.h"
#include "isoflop/sim/kernel/matrix_product.h"
#include "isoflop/sim/kernel/token_source.h"

namespace isoflop::sim {
namespace {

namespace fs = std::filesystem;

// Held while a process works on a shard; the kernel of the operating system lets go of it when the process dies.
class ShardLock {
 public:
  ShardLock(const std::string& folder, std::size_t shard, std::size_t shards) {
    const std::string path = fmt::format("{}/lock-{}-of-{}", folder, shard, shards);
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) throw Error(Fault::CannotRun, path + ": cannot be written");
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      ::close(file_);
      throw Error(Fault::CannotRun, path + ": another process is making this shard; wait for it or stop it");
    }
  }
  ~ShardLock() { ::close(file_); }
  ShardLock(const ShardLock&) = delete;
  ShardLock& operator=(const ShardLock&) = delete;

 private:
  int file_ = -1;
};

void make_folder(const std::string& path) {
  std::error_code problem;
  fs::create_directories(path, problem);
  if (problem) throw Error(Fault::CannotRun, path + ": " + problem.message());
}

void settle_plan(const SweepPlan& plan, const std::string& folder) {
  const std::string path = plan_path(folder);
  if (!fs::exists(path)) {
    write_file(path, plan.json());
  } else if (read_file(path) != plan.json()) {
    throw Error(Fault::Usage,
                path + ": holds another plan; --resume continues that one, another --folder starts this one");
  }
}

// A process that was killed while it wrote leaves a part behind.
void remove_parts(const std::string& path) {
  const fs::path whole(path);
  if (!fs::exists(whole.parent_path())) return;
  const std::string beginning = whole.filename().string() + ".part";
  for (const auto& entry : fs::directory_iterator(whole.parent_path()))
    if (entry.path().filename().string().rfind(beginning, 0) == 0) fs::remove(entry.path());
}

class ShardWork {
 public:
  ShardWork(const SweepPlan& plan, const SweepOptions& options)
      : plan_(plan),
        options_(options),
        sha_(plan.sha256()),
        source_(token_source(plan.settings().source, static_cast<std::size_t>(plan.settings().vocabulary),
                             plan.settings().seed)) {}

  // Every n-th tuning run, for other shards too.
  void make_trials() {
    std::vector<PlannedRun> trials;
    for (std::size_t i = options_.shard - 1; i < plan_.tuning().size(); i += options_.shards)
      trials.push_back(plan_.tuning()[i]);
    expect(trials);
    make_all(trials);
  }

  SweepOutcome make() {
    const std::vector<PlannedRun> runs = shard_runs(plan_, options_.shard, options_.shards);
    std::set<std::string> needed;
    for (const auto& run : runs) needed.insert(run.tuned_by.begin(), run.tuned_by.end());
    std::vector<PlannedRun> trials;
    for (const auto& run : plan_.tuning())
      if (needed.count(run.name)) trials.push_back(run);
    expect(trials);
    expect(runs);
    make_all(trials);
    make_all(runs);
    outcome_.seconds = elapsed_s();
    outcome_.records = read_records(options_.folder, plan_);
    outcome_.source_name = source_->name();
    return outcome_;
  }

 private:
  double elapsed_s() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  void expect(const std::vector<PlannedRun>& runs) {
    for (const auto& run : runs) progress_.flop += run.flop;
    progress_.runs += runs.size();
  }

  void make_all(const std::vector<PlannedRun>& runs) {
    parallel_for(runs.size(), options_.jobs, [&](std::size_t i) { make_one(runs[i]); });
  }

  double tuned_rate(const PlannedRun& run) const {
    double rate = run.learning_rate, least = 0;
    std::size_t best = 0, tried = 0;
    for (std::size_t f = 0; f < run.tuned_by.size(); ++f) {
      const std::string path = record_path(options_.folder, run.tuned_by[f]);
      const SweepRecord trial = read_record(read_file(path), path, plan_);
      if (!trial.diverged.empty()) continue;
      if (tried++ == 0 || trial.loss < least) {
        least = trial.loss;
        best = f;
      }
    }
    if (tried > 0) rate *= plan_.settings().tune_factors[best];
    return rate;
  }

  void make_one(const PlannedRun& run) {
    const std::string record = record_path(options_.folder, run.name),
                      checkpoint = checkpoint_path(options_.folder, run.name);
    if (fs::exists(record)) {
      read_record(read_file(record), record, plan_);
      fs::remove(checkpoint);
      const std::scoped_lock lock(mutex_);
      ++outcome_.found;
      advance(run, run.flop, 1, "");
      found_flop_ += run.flop;
      return;
    }
    remove_parts(checkpoint);
    remove_parts(record);
    const double rate = tuned_rate(run);
    TrainingRunSettings settings = plan_.training(run, rate);
    settings.checkpoint = checkpoint;
    settings.checkpoint_every_s = options_.checkpoint_every_s;
    const double step_flop = run.flop / static_cast<double>(run.steps);
    bool first = true;
    const auto result = run_training(settings, *source_, [&](const CurvePoint& point) {
      const std::scoped_lock lock(mutex_);
      const double skipped = first ? step_flop * static_cast<double>(point.step) : 0;
      found_flop_ += skipped;
      first = false;
      advance(run, skipped + step_flop, 0,
              fmt::format("{} step {} of {}, loss {:.3f}", run.name, point.step + 1, run.steps, point.loss));
    });
    SweepRecord made;
    made.run = run;
    made.learning_rate = rate;
    made.loss = result.held_out_loss;
    made.perfect_loss = result.perfect_loss;
    made.entropy_rate = source_->entropy_rate();
    made.instruction_set = instruction_set_name(instruction_set());
    made.diverged = result.diverged;
    const double batch = run.tokens / static_cast<double>(run.steps);
    for (const auto& point : result.curve)
      if (point.held_out_loss > 0)
        made.curve.push_back({point.step + 1, batch * static_cast<double>(point.step + 1), point.held_out_loss});
    if (made.diverged.empty()) made.curve.push_back({run.steps, run.tokens, made.loss});
    write_file(
        timing_path(options_.folder, run.name),
        to_json(Value::object({{"name", run.name},
                               {"seconds_of_steps", result.seconds},
                               {"resumed_at_step", result.first_step},
                               {"model_flop_per_s", result.seconds > 0 ? Value(result.model_flop_per_s) : Value()}})) +
            "\n");
    write_file(record, record_json(made, sha_));
    fs::remove(checkpoint);
    const std::scoped_lock lock(mutex_);
    ++outcome_.made;
    if (result.first_step > 0) ++outcome_.continued;
    advance(run, 0, 1, "");
  }

  // Called with the mutex held.
  void advance(const PlannedRun&, double flop, std::size_t runs, const std::string& now) {
    progress_.flop_done += flop;
    progress_.runs_done += runs;
    outcome_.flop_made = progress_.flop_done - found_flop_;
    const double made = progress_.flop_done - found_flop_;
    progress_.remaining_s = made > 0 ? elapsed_s() * (progress_.flop - progress_.flop_done) / made : 0;
    if (!now.empty()) progress_.now = now;
    if (options_.progress) options_.progress(progress_);
  }

  const SweepPlan& plan_;
  const SweepOptions& options_;
  std::string sha_;
  std::unique_ptr<TokenSource> source_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  SweepProgress progress_;
  SweepOutcome outcome_;
  double found_flop_ = 0;
};

}  // namespace

std::vector<PlannedRun> shard_runs(const SweepPlan& plan, std::size_t shard, std::size_t shards) {
  if (shard < 1 || shard > shards)
    throw Error(Fault::Usage,
                fmt::format("--shard {}/{}: expected 1/{} to {}/{}", shard, shards, shards, shards, shards));
  std::vector<PlannedRun> runs;
  for (std::size_t i = shard - 1; i < plan.runs().size(); i += shards) runs.push_back(plan.runs()[i]);
  return runs;
}

namespace {

void settle_folder(const SweepPlan& plan, const std::string& folder) {
  settle_plan(plan, folder);
  for (const char* part : {"/records", "/checkpoints", "/timing"}) make_folder(folder + part);
}

}  // namespace

SweepOutcome run_sweep_together(const SweepPlan& plan, const SweepOptions& options, const std::function<void()>& wait) {
  shard_runs(plan, options.shard, options.shards);
  const bool first = options.shard == 1;
  // The lock of the unshared sweep keeps other jobs out of the folder, however many processes they have.
  std::optional<ShardLock> lock;
  if (first) {
    make_folder(options.folder);
    lock.emplace(options.folder, 1, 1);
    settle_folder(plan, options.folder);
  }
  wait();
  ShardWork work(plan, options);
  work.make_trials();
  wait();
  SweepOutcome outcome = work.make();
  wait();
  if (!first) return outcome;
  outcome.records = read_records(options.folder, plan);
  write_tables(options.folder, plan, outcome.records);
  return outcome;
}

SweepOutcome run_sweep(const SweepPlan& plan, const SweepOptions& options) {
  shard_runs(plan, options.shard, options.shards);
  make_folder(options.folder);
  const ShardLock lock(options.folder, options.shard, options.shards);
  settle_folder(plan, options.folder);
  SweepOutcome outcome = ShardWork(plan, options).make();
  write_tables(options.folder, plan, outcome.records);
  return outcome;
}

std::vector<SweepRecord> merge_sweeps(const std::vector<std::string>& folders, const std::string& into) {
  if (folders.empty()) throw Error(Fault::Usage, "nothing to merge");
  const std::string first = read_file(plan_path(folders.front()));
  const SweepPlan plan = SweepPlan::from_json(first, plan_path(folders.front()));
  std::map<std::string, std::string> texts;
  for (const auto& folder : folders) {
    if (read_file(plan_path(folder)) != first)
      throw Error(Fault::BadInput, plan_path(folder) + ": is another plan than " + plan_path(folders.front()));
    for (const auto* list : {&plan.tuning(), &plan.runs()})
      for (const auto& run : *list) {
        const std::string path = record_path(folder, run.name);
        if (!fs::exists(path)) continue;
        const std::string text = read_file(path);
        read_record(text, path, plan);
        const auto [place, is_new] = texts.emplace(run.name, text);
        if (!is_new && place->second != text)
          throw Error(Fault::BadInput, path +
                                           ": another folder has another result of the same run; were they made with "
                                           "different instruction sets or versions?");
      }
  }
  make_folder(into);
  settle_plan(plan, into);
  make_folder(into + "/records");
  for (const auto& [name, text] : texts) write_file(record_path(into, name), text);
  const auto records = read_records(into, plan);
  write_tables(into, plan, records);
  return records;
}

double probe_flop_per_s(const SweepPlan& plan, const SizedModel& model) {
  PlannedRun run;
  run.model = model;
  run.steps = 5;
  const TrainingRunSettings s = plan.training(run, 1e-3);
  Trainer trainer(s.architecture, s.sequences, s.length, s.precision, s.optimiser, s.seed, 1);
  const std::vector<std::vector<std::int32_t>> ids(1, std::vector<std::int32_t>(s.sequences * s.length, 1));
  double least = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    trainer.step(ids, ids, 1e-3);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (i == 1 || (i > 1 && seconds < least)) least = seconds;
  }
  return trainer.model_flop_per_step() / std::max(least, 1e-9);
}

}  // namespace isoflop::sim
