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

Crew::Crew(int threads) {
  for (int i = 1; i < thread_count(threads); ++i)
    workers_.emplace_back([this, i] { serve(static_cast<std::size_t>(i)); });
}

Crew::~Crew() {
  stop_ = true;
  round_.fetch_add(1);
  round_.notify_all();
}

void Crew::serve(std::size_t index) {
  unsigned seen = 0;
  while (true) {
    spin_or([&] { return round_.load() != seen; }, [&] { round_.wait(seen); });
    ++seen;
    if (stop_) return;
    (*work_.load())(index);
    if (left_.fetch_sub(1) == 1) left_.notify_one();
  }
}

void Crew::run(const std::function<void(std::size_t)>& work) {
  if (workers_.empty()) return work(0);
  work_ = &work;
  left_ = static_cast<unsigned>(workers_.size());
  round_.fetch_add(1);
  round_.notify_all();
  work(0);
  spin_or([&] { return left_.load() == 0; }, [&] {
    const unsigned left = left_.load();
    if (left != 0) left_.wait(left);
  });
}

}  // namespace isoflop::sim
