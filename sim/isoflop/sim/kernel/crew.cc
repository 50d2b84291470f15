#include "isoflop/sim/kernel/crew.h"

#include "isoflop/parallel.h"

namespace isoflop::sim {
namespace {

// A short spin covers the gap between two products; longer waits sleep, so that an idle crew costs nothing.
constexpr int spins = 4000;

template <typename Ready>
void spin_or(const Ready& ready, const std::function<void()>& sleep) {
  for (int i = 0; i < spins; ++i) {
    if (ready()) return;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  while (!ready()) sleep();
}

}  // namespace

Crew::Crew(int threads) : parts_(static_cast<unsigned>(thread_count(threads))), next_(parts_) {
  for (unsigned i = 1; i < parts_; ++i) workers_.emplace_back([this] { serve(); });
}

Crew::~Crew() {
  stop_ = true;
  ++round_;
  round_.notify_all();
}

// A part is claimed by raising next_, whichever round it belongs to: what is claimed is open, and the round does not
// end before it is done.
void Crew::take_parts() {
  for (unsigned part = next_.load(); part < parts_;)
    if (next_.compare_exchange_weak(part, part + 1)) {
      (*work_.load())(part);
      if (left_.fetch_sub(1) == 1) left_.notify_one();
      part = next_.load();
    }
}

void Crew::serve() {
  // Rounds are numbered: who wakes after a round has ended must still notice that there was one, and stay awake for the
  // next.
  while (!stop_) {
    const unsigned seen = round_.load();
    take_parts();
    spin_or([&] { return round_.load() != seen; }, [&] { round_.wait(seen); });
  }
}

void Crew::run(const std::function<void(std::size_t)>& work) {
  if (workers_.empty()) return work(0);
  work_ = &work;
  left_ = parts_;
  next_ = 0;
  ++round_;
  round_.notify_all();
  take_parts();
  spin_or([&] { return left_.load() == 0; }, [&] {
    const unsigned left = left_.load();
    if (left != 0) left_.wait(left);
  });
}

}  // namespace isoflop::sim
