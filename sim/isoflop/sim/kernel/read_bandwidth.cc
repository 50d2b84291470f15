#include "isoflop/sim/kernel/read_bandwidth.h"

#include <atomic>
#include <chrono>
#include <vector>

#include "isoflop/error.h"
#include "isoflop/sim/kernel/cpu_peak.h"
#include "isoflop/sim/kernel/thread_clock.h"

namespace isoflop::sim {
namespace {

constexpr std::uint32_t pattern = 0x5a5aa5a5u;
constexpr std::size_t step_words = 512 / sizeof(std::uint32_t);  // what the loops read at a time

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

ReadBandwidth::ReadBandwidth(std::size_t bytes, Crew& crew)
    : words_((bytes / sizeof(std::uint32_t) / step_words / crew.size() + 1) * step_words * crew.size(), pattern),
      crew_(crew) {}

double ReadBandwidth::measure(double seconds) {
  const std::size_t share_words = words_.size() / crew_.size();
  // One thread: its own computing time. Several: they run side by side, so the clock on the wall.
  const auto now = [&] { return crew_.size() == 1 ? thread_seconds() : wall_seconds(); };
  // Small arrays: so many passes that starting them does not count.
  std::size_t passes = 1 + (seconds > 0 ? (std::size_t{4} << 20) / bytes() : 0), done = 0;
  std::atomic<bool> right{true};
  const double start = now();
  double elapsed = 0;
  do {
    crew_.run([&](std::size_t share) {
      bool same = true;
      for (std::size_t pass = 0; pass < passes; ++pass)
        same = read_once(words_.data() + share * share_words, share_words * sizeof(std::uint32_t)) == pattern && same;
      if (!same) right = false;
    });
    done += passes;
    elapsed = now() - start;
    passes *= 2;
  } while (elapsed < seconds);
  if (!right) throw Error(Fault::CannotRun, "the bandwidth probe read something else than was written");
  return static_cast<double>(done * bytes()) / elapsed;
}

}  // namespace isoflop::sim
