// Requests waiting and running, and cache blocks in use, over time. Exact integrals in at most 512 bins, whose width
// doubles as the run grows longer.
#pragma once
#include <vector>

namespace isoflop::sim {

class Timeline {
 public:
  struct Bin {  ///< Amounts in one stretch of time.
    double waiting = 0, running = 0, blocks = 0, busy = 0;  ///< amount x seconds
  };
  /// Adds constant amounts over [from_s, to_s).
  void add(double from_s, double to_s, const Bin& amounts);
  void add(const Timeline& other);

  double bin_s() const { return bin_s_; }
  const std::vector<Bin>& bins() const { return bins_; }
  Bin total() const;

 private:
  void reach(double time_s);

  double bin_s_ = 1e-3;
  std::vector<Bin> bins_;
};

}  // namespace isoflop::sim
