// How long one kernel call takes on a chip, with its interval, what bounds it and what the figure rests on.
//
//   OpTimer timer(accelerator, profile);
//   OpTime t = timer.time(GemmShape{4096, 4096, 4096, KernelFormat::Bf16});
//
// Never faster than the data sheet allows: seconds >= max(FLOP / peak, least bytes / bandwidth, bytes / link).
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "isoflop/hardware/accelerator.h"
#include "isoflop/sim/op/op_profile.h"

namespace isoflop::sim {

struct OpTime {
  double seconds = 0;
  double low_s = 0, high_s = 0;   ///< 90 % interval for one call; errors of many calls partly cancel
  Bound bound = Bound::Compute;
  double utilisation = 0;         ///< speed-of-light time / seconds, in (0, 1]
  Basis basis = Basis::Datasheet;
  std::string_view origin;        ///< sentence; lives as long as the timer
};

/// One accelerator with one profile, constants looked up once per key. Safe to use from several threads.
class OpTimer {
 public:
  /// `cluster` names the interconnect whose measured collectives are used first; empty = the accelerator's own.
  OpTimer(const Accelerator& accelerator, const OpProfile& profile, std::string cluster = {},
          bool datasheet_only = false);
  ~OpTimer();
  OpTimer(OpTimer&&) noexcept;
  OpTimer& operator=(OpTimer&&) noexcept;

  /// Throws Error (Usage) when the accelerator states no peak for the call's arithmetic.
  OpTime time(const OpShape& shape, const CallConditions& conditions = {}) const;
  const Accelerator& accelerator() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace isoflop::sim
