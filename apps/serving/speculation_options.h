// Options of speculative decoding, and what `serve` says of it.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "apps/command.h"
#include "apps/serving/serve_options.h"
#include "isoflop/report/report.h"
#include "isoflop/sim/serving/serving.h"

namespace isoflop::app {

/// A draft ready to be priced; keeps what the pointers in `speculation` refer to.
struct Drafting {
  sim::Speculation speculation;
  std::unique_ptr<sim::StepPricer> pricer;
  std::string name;  ///< of the draft model; empty for a prediction layer
};

struct SpeculationOptions {
  std::string draft;
  std::optional<long> tokens, tensor_parallel;
  std::optional<double> acceptance;

  void declare(OptionSet& options);
  /// Throws Error (Usage) where one of the options needs another.
  bool asked() const;
  /// Adds the draft to `memory` and its inputs and assumptions to `report`.
  std::unique_ptr<Drafting> prepare(const Architecture& model, const Accelerator& device, const ServeOptions& serving,
                                    const Settings& settings, sim::MemoryModel& memory, Report& report) const;
};

/// Keys, table and headline part; warns where it does not pay.
void add_speculation(Report& report, const Drafting& drafting, const sim::ServingAnswer& answer);

}  // namespace isoflop::app
