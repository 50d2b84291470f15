// Threads that stay: for work too short to start a thread for, such as one matrix-vector product of a decode step.
//
// Parts of a round are claimed one by one, by the caller too: a thread that the system wakes late, because other
// programs hold its processor, finds its part done instead of holding up everybody.
#pragma once
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace isoflop::sim {

class Crew {
 public:
  /// `threads` in all, the caller's included; 0 = as many as the machine runs at once.
  explicit Crew(int threads);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  std::size_t size() const { return workers_.size() + 1; }
  /// Calls work(i) once for each i in [0, size()), side by side where threads are free, and returns when all are done.
  /// work must not throw, and no i may wait for another.
  void run(const std::function<void(std::size_t)>& work);

 private:
  void serve();
  /// Does the parts of the round that nobody has claimed yet.
  void take_parts();
  const unsigned parts_;
  std::atomic<const std::function<void(std::size_t)>*> work_{nullptr};
  std::atomic<unsigned> round_{0};
  std::atomic<unsigned> next_;     ///< the part to be claimed next; parts_: none is left
  std::atomic<unsigned> left_{0};  ///< parts that are not done
  std::atomic<bool> stop_{false};
  std::vector<std::jthread> workers_;  ///< last: they end before what they share
};

}  // namespace isoflop::sim
