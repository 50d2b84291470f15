// Making a plan's runs: several one-thread runs side by side, each the same bits whatever runs beside it, each
// continuing from its last checkpoint. What is killed loses at most the time since then (`checkpoint_every_s`).
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "isoflop/sim/sweep/sweep_record.h"

namespace isoflop::sim {

struct SweepProgress {  ///< How far a sweep is.
  std::size_t runs_done = 0, runs = 0;
  double flop_done = 0, flop = 0;         ///< of this shard, runs found finished included
  double remaining_s = 0;                 ///< at the rate so far; 0 while nothing is known
  std::string now;                        ///< a run that is under way, its step and loss
};

struct SweepOptions {  ///< Where, how many at once, which shard.
  std::string folder;
  int jobs = 1;                           ///< runs side by side; 0: as many as the machine has cores
  std::size_t shard = 1, shards = 1;      ///< this process makes runs shard, shard + shards, ... of the plan
  double checkpoint_every_s = 10;
  std::function<void(const SweepProgress&)> progress;  ///< called from any thread, one at a time
};

struct SweepOutcome {  ///< What a call made, and what was there before.
  std::vector<SweepRecord> records;       ///< of the folder, all of the plan that are there
  std::size_t found = 0, made = 0,
              continued = 0;  ///< of this shard: already recorded, made now, of these from a checkpoint
  double seconds = 0, flop_made = 0;
  std::string source_name;
};

/// The folder is made when missing; a plan in it must be this one. Throws Error (CannotRun) when another process works
/// on the same shard in the same folder, Error (Usage) when the folder holds another plan.
SweepOutcome run_sweep(const SweepPlan& plan, const SweepOptions& options);

/// One of several processes that make a sweep together in one folder they all see: process `shard` of `shards`, each
/// making its share. First the tuning runs are shared out, then the runs; `wait` returns when all processes have called
/// it (a barrier). The first process settles the plan and writes the tables in the end, and its outcome has all
/// records; files are those of run_sweep to the byte. Throws Error as run_sweep does, before a `wait` or between them:
/// the caller must then stop the other processes.
SweepOutcome run_sweep_together(const SweepPlan& plan, const SweepOptions& options, const std::function<void()>& wait);

/// The runs this shard makes.
std::vector<PlannedRun> shard_runs(const SweepPlan& plan, std::size_t shard, std::size_t shards);

/// Records of several folders of the same plan put into one, with the tables of all of them.
/// Throws Error (BadInput) when two folders hold different plans, or different records of one run.
std::vector<SweepRecord> merge_sweeps(const std::vector<std::string>& folders, const std::string& into);

/// Model FLOP per second of one run of that size on one thread of this machine: the fastest of a few steps.
double probe_flop_per_s(const SweepPlan& plan, const SizedModel& model);

}  // namespace isoflop::sim
