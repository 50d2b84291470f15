#include "isoflop/sim/op/op_time.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>

namespace isoflop::sim {

struct OpTimer::State {
  Accelerator accelerator;
  OpProfile profile;
  std::string cluster;
  bool datasheet_only;
  mutable std::shared_mutex guard;
  mutable std::map<OpKey, ResolvedCell> cells;  // nodes stay where they are, so origins may be viewed

  const ResolvedCell& cell(const OpKey& key) const {
    {
      const std::shared_lock lock(guard);
      const auto found = cells.find(key);
      if (found != cells.end()) return found->second;
    }
    ResolvedCell resolved = datasheet_only ? profile.datasheet(key) : profile.resolve(accelerator, cluster, key);
    const std::unique_lock lock(guard);
    return cells.try_emplace(key, std::move(resolved)).first->second;
  }
};

OpTimer::OpTimer(const Accelerator& accelerator, const OpProfile& profile, std::string cluster, bool datasheet_only)
    : state_(std::make_unique<State>()) {
  state_->accelerator = accelerator;
  state_->profile = profile;
  state_->cluster = cluster.empty() ? accelerator.id : std::move(cluster);
  state_->datasheet_only = datasheet_only;
}
OpTimer::~OpTimer() = default;
OpTimer::OpTimer(OpTimer&&) noexcept = default;
OpTimer& OpTimer::operator=(OpTimer&&) noexcept = default;

const Accelerator& OpTimer::accelerator() const { return state_->accelerator; }

OpTime OpTimer::time(const OpShape& shape, const CallConditions& conditions) const {
  const ResolvedCell& cell = state_->cell(key_of(shape));
  const OpCost cost = op_cost(shape, limits_for(shape, state_->accelerator), cell.values, conditions);
  OpTime time;
  time.seconds = conditions.operands_cached ? cost.seconds : std::max(cost.seconds, cost.floor_s);
  const double fastest = conditions.operands_cached ? 0 : cost.floor_s;
  time.low_s = std::min(time.seconds, std::max(fastest, time.seconds * cell.interval.low));
  time.high_s = std::max(time.seconds, time.seconds * cell.interval.high);
  time.bound = cost.bound;
  time.utilisation = std::min(1.0, cost.floor_s / time.seconds);
  time.basis = cell.basis;
  time.origin = cell.origin;
  return time;
}

}  // namespace isoflop::sim
