// Threads that stay: for work too short to start a thread for, such as one matrix-vector product of a decode step.
#pragma once
#include <atomic>
#include <cstddef>
#include <exception>
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
  /// Calls work(i) for i in [0, size()), each on its own thread, and returns when all are done. work must not throw.
  void run(const std::function<void(std::size_t)>& work);

 private:
  void serve(std::size_t index);
  std::vector<std::jthread> workers_;
  std::atomic<const std::function<void(std::size_t)>*> work_{nullptr};
  std::atomic<unsigned> round_{0};
  std::atomic<unsigned> left_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace isoflop::sim
