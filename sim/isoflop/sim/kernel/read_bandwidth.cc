#include "isoflop/sim/kernel/read_bandwidth.h"

#include <chrono>

#include "isoflop/sim/kernel/vector_loops.h"

namespace isoflop::sim {

ReadBandwidth::ReadBandwidth(std::size_t bytes, Crew& crew) : buffer_(bytes / sizeof(float), 1.0f), crew_(crew) {}

double ReadBandwidth::measure() {
  std::vector<float> most(crew_.size());
  const auto start = std::chrono::steady_clock::now();
  crew_.run([&](std::size_t share) {
    const std::size_t first = buffer_.size() * share / crew_.size(), last = buffer_.size() * (share + 1) / crew_.size();
    most[share] = vector_loops().maximum(last - first, buffer_.data() + first);
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (float m : most) sink_ += m;  // keeps the reads
  return static_cast<double>(buffer_.size() * sizeof(float)) / seconds;
}

}  // namespace isoflop::sim
