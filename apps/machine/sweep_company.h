// Processes that make one sweep together: set by isoflop-mpi in its first process before it runs the command, absent
// otherwise. The command then tells the others what to make and waits for them where the sweep library says so.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "isoflop/sim/sweep/sweep_execution.h"

namespace isoflop::app {

struct SweepCompany {
  std::size_t processes = 1;
  std::function<void(const std::string& order)> tell;  ///< every other process gets the order
  std::function<void()> wait;                          ///< until all processes have called it
};

std::optional<SweepCompany>& sweep_company();

/// What the other processes need: the plan and its options, as JSON.
std::string sweep_order(const sim::SweepPlan& plan, const sim::SweepOptions& options);

/// Carries out an order as process `process` (2, 3, ...) of `processes`. Throws Error.
void follow_sweep_order(const std::string& order, std::size_t process, std::size_t processes,
                        const std::function<void()>& wait);

}  // namespace isoflop::app
