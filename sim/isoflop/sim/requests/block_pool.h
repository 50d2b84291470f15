// Paged cache of one replica: blocks of a fixed number of tokens, some of them holding prefixes that requests share.
// A prefix nobody uses stays until its blocks are needed; the one unused longest goes first.
#pragma once
#include <cstdint>
#include <list>
#include <unordered_map>

namespace isoflop::sim {

class BlockPool {
 public:
  explicit BlockPool(std::int64_t blocks) : free_(blocks), total_(blocks) {}

  std::int64_t available() const { return free_ + idle_; }  ///< free, or held by prefixes nobody uses
  std::int64_t used() const { return total_ - free_ - idle_; }
  std::int64_t total() const { return total_; }

  /// Blocks of a stored prefix, 0 when it is not stored.
  std::int64_t prefix_blocks(std::int64_t prefix) const {
    const auto found = prefixes_.find(prefix);
    return found == prefixes_.end() ? 0 : found->second.blocks;
  }
  /// What available() would be were this prefix in use.
  std::int64_t available_beside(std::int64_t prefix) const {
    const auto found = prefixes_.find(prefix);
    return available() - (found != prefixes_.end() && found->second.users == 0 ? found->second.blocks : 0);
  }
  void use_prefix(std::int64_t prefix);  ///< One more, or one fewer, request holds the prefix.
  void leave_prefix(std::int64_t prefix);
  /// Turns blocks that a sequence holds into a stored prefix with one user.
  void store_prefix(std::int64_t prefix, std::int64_t blocks) { prefixes_.emplace(prefix, Prefix{blocks, 1, {}}); }

  /// Needs blocks <= available().
  void take(std::int64_t blocks) {
    if (blocks > free_) evict(blocks);
    free_ -= blocks;
  }
  void give_back(std::int64_t blocks) { free_ += blocks; }  ///< Of a sequence that has left.

 private:
  struct Prefix {
    std::int64_t blocks = 0, users = 0;
    std::list<std::int64_t>::iterator place;  ///< in unused_, while users == 0
  };
  void evict(std::int64_t blocks_wanted);

  std::int64_t free_, total_, idle_ = 0;
  std::unordered_map<std::int64_t, Prefix> prefixes_;
  std::list<std::int64_t> unused_;  ///< longest unused first
};

}  // namespace isoflop::sim
