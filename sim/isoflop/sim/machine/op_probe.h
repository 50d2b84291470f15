// Single operations of the built-in kernel, ready to run again and again, with the work that each run does.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "isoflop/sim/kernel/crew.h"
#include "isoflop/sim/kernel/streamed_matrix.h"
#include "isoflop/sim/machine/cpu_work.h"

namespace isoflop::sim {

struct OpProbe {
  std::string name;   ///< "matrix product, bf16"
  std::string shape;  ///< "512 x 1024 x 256"
  CpuWork work;
  std::function<void()> run;
};

/// y (m, n) = x (m, k) w; `packed`: w packed beforehand, as weights are; else both operands are packed, as for the
/// gradient of weights.
OpProbe product_probe(std::size_t m, std::size_t n, std::size_t k, Precision precision, bool packed);
/// Causal attention of one sequence, all heads; FLOP counts visible pairs only.
OpProbe attention_probe(std::size_t tokens, std::size_t heads, std::size_t head_dim, Precision precision,
                        bool backward);
OpProbe norm_probe(std::size_t rows, std::size_t width);
OpProbe activation_probe(std::size_t rows, std::size_t width);
/// One optimiser step over `count` weights in memory: reads weight, gradient and two moments, writes three of them.
OpProbe update_probe(std::size_t count);
/// One row of activations times stored weights, rows split over the crew, which must outlive the probe.
OpProbe decode_probe(std::size_t rows, std::size_t columns, WeightFormat format, Crew& crew);

/// Seconds of one run, from as many as take about `seconds`; `wall` = time on the wall, else this thread's computing
/// time.
double seconds_per_run(const OpProbe& probe, double seconds, bool wall);

}  // namespace isoflop::sim
