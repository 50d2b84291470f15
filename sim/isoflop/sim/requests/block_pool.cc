#include "isoflop/sim/requests/block_pool.h"

namespace isoflop::sim {

void BlockPool::use_prefix(std::int64_t prefix) {
  Prefix& p = prefixes_.at(prefix);
  if (p.users++ > 0) return;
  unused_.erase(p.place);
  idle_ -= p.blocks;
}

void BlockPool::leave_prefix(std::int64_t prefix) {
  Prefix& p = prefixes_.at(prefix);
  if (--p.users > 0) return;
  p.place = unused_.insert(unused_.end(), prefix);
  idle_ += p.blocks;
}

void BlockPool::evict(std::int64_t blocks_wanted) {
  while (free_ < blocks_wanted) {
    const auto victim = prefixes_.find(unused_.front());
    free_ += victim->second.blocks;
    idle_ -= victim->second.blocks;
    prefixes_.erase(victim);
    unused_.pop_front();
  }
}

}  // namespace isoflop::sim
