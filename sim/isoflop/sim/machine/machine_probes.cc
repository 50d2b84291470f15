#include "isoflop/sim/machine/machine_probes.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoflop/random.h"
#include "isoflop/sim/kernel/decoder.h"
#include "isoflop/sim/kernel/large_pages.h"
#include "isoflop/sim/kernel/thread_clock.h"
#include "isoflop/sim/kernel/training_step.h"
#include "isoflop/sim/kernel/vector_loops.h"
#include "isoflop/sim/machine/op_probe.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

// One reading of the thread's clock is itself part of every op's time.
double clock_cost() {
  std::vector<double> costs;
  for (int i = 0; i < 101; ++i) {
    const double start = thread_seconds();
    costs.push_back(thread_seconds() - start);
  }
  return median(costs);
}

constexpr double shortest_s = 1.5e-6;  // below, the clock decides

// Medians over repeats of what one pass records.
class PassTimes {
 public:
  explicit PassTimes(const Program& program)
      : program_(program), parts_(3, std::vector<std::vector<double>>(program.ops.size())) {}

  void note(OpSeconds& seconds) {
    std::vector<double>* from[] = {&seconds.forward, &seconds.backward, &seconds.weight_gradient};
    for (std::size_t part = 0; part < 3; ++part)
      for (std::size_t i = 0; i < program_.ops.size(); ++i) {
        parts_[part][i].push_back((*from[part])[i]);
        (*from[part])[i] = 0;
      }
  }

  /// Without the clock's own time; `pass` Backward is without the gradients of matrices.
  double seconds(WorkPass pass, std::size_t op, double clock_s) const {
    const double gradient = median(parts_[2][op]);
    if (pass == WorkPass::Forward) return median(parts_[0][op]) - clock_s;
    if (pass == WorkPass::WeightGradient) return gradient - clock_s;
    return median(parts_[1][op]) - (gradient > 0 ? gradient + 2 * clock_s : clock_s);
  }

 private:
  const Program& program_;
  std::vector<std::vector<std::vector<double>>> parts_;
};

}  // namespace

Architecture plain_model(std::int64_t layers, std::int64_t width, std::int64_t heads, std::int64_t kv_heads,
                         std::int64_t vocabulary) {
  Architecture a;
  a.name = fmt::format("{} x {}", layers, width);
  a.width = width;
  a.vocabulary = vocabulary;
  Layer layer;
  layer.attention.heads = heads;
  layer.attention.kv_heads = kv_heads;
  layer.attention.head_dim = layer.attention.rotary_dims = width / heads;
  layer.mlp = Mlp{(8 * width / 3 + 15) / 16 * 16, true, Activation::Silu, false};
  a.layers.assign(static_cast<std::size_t>(layers), layer);
  return a;
}

std::vector<std::int32_t> random_ids(std::size_t count, std::int64_t vocabulary, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::int32_t> ids(count);
  for (auto& id : ids) id = static_cast<std::int32_t>(random.index(static_cast<std::size_t>(vocabulary)));
  return ids;
}

std::vector<ProbeModel> probe_models(bool quick) {
  std::vector<ProbeModel> models = {
      {plain_model(1, 48, 3, 3, 192), 2, 80},   {plain_model(1, 80, 2, 1, 320), 4, 144},
      {plain_model(1, 128, 4, 4, 128), 1, 256}, {plain_model(1, 192, 3, 3, 1024), 4, 96},
      {plain_model(1, 320, 5, 5, 640), 2, 160}, {plain_model(1, 448, 7, 7, 2048), 1, 384}};
  if (!quick) {
    models.push_back({plain_model(1, 96, 6, 2, 2560), 8, 64});
    models.push_back({plain_model(1, 512, 8, 4, 1536), 2, 192});
    models.push_back({plain_model(1, 640, 10, 10, 5120), 2, 128});
    models.push_back({plain_model(1, 896, 14, 14, 512), 1, 320});
  }
  // Other norms and activations.
  Architecture gelu = plain_model(1, 160, 5, 5, 256);
  gelu.norm = {NormKind::LayerNorm, true, true};
  for (Layer& layer : gelu.layers) layer.mlp = Mlp{640, false, Activation::Gelu, false};
  models.push_back({gelu, 2, 112});
  return models;
}

std::vector<MeasuredWork> measure_training_ops(const Architecture& architecture, std::int64_t sequences,
                                               std::int64_t length, Precision precision, int repeats,
                                               std::uint64_t seed) {
  const double clock_s = clock_cost();
  const Program program = forward(architecture, Step::train(sequences, length));
  const WeightLayout layout(program);
  const auto weights = initial_weights(layout, architecture.layers.size(), seed);
  std::vector<float> gradients(layout.count());
  PackedWeights packed;
  packed.pack(layout, weights.data(), precision, true, 1);
  Execution execution(program, layout, precision);
  const auto count = static_cast<std::size_t>(sequences * length);
  const auto ids = random_ids(count, architecture.vocabulary, seed),
             targets = random_ids(count, architecture.vocabulary, seed + 1);
  OpSeconds seconds;
  PassTimes times(program);
  for (int repeat = 0; repeat <= repeats; ++repeat) {
    if (repeat == 1) execution.record_times(&seconds);
    execution.forward(weights.data(), packed, ids.data(), targets.data());
    execution.backward(weights.data(), packed, 1, gradients.data(), true);
    if (repeat > 0) times.note(seconds);
  }
  std::vector<MeasuredWork> result;
  const std::string group =
      fmt::format("{} wide, {} x {}, V {}", architecture.width, sequences, length, architecture.vocabulary);
  for (std::size_t i = 0; i < program.ops.size(); ++i)
    for (const auto pass : {WorkPass::Forward, WorkPass::Backward, WorkPass::WeightGradient})
      for (const CpuWork& work : works_of(program.ops[i], pass, {precision, false, WeightFormat::Fp32})) {
        const double s = times.seconds(pass, i, clock_s);
        if (s > shortest_s) result.push_back({work, group, s});
      }
  return result;
}

std::vector<MeasuredWork> measure_step_works(bool quick, int repeats) {
  std::vector<MeasuredWork> result;
  std::vector<std::pair<std::size_t, std::size_t>> shapes = {{96, 200}, {320, 500}, {640, 900}, {1300, 1700}};
  if (!quick) shapes.emplace_back(3000, 4100);
  for (const auto& shape : shapes) {
    const std::size_t rows = shape.first, columns = shape.second, n = rows * columns;
    std::vector<float> w(n, 0.01f), m(n), v(n), g(n, 0.02f), other(n, 0.03f);
    std::vector<PackedMatrix> packed(4);
    std::map<std::string, std::vector<double>> times;
    const VectorLoops& loops = vector_loops();
    for (int repeat = 0; repeat <= repeats; ++repeat) {
      const auto timed = [&](const std::string& kind, const auto& work) {
        const double start = thread_seconds();
        work();
        if (repeat > 0) times[kind].push_back(thread_seconds() - start);
      };
      timed("clear", [&] { std::fill(other.begin(), other.end(), 0.0f); });
      timed("add gradients", [&] { loops.accumulate(n, other.data(), g.data()); });
      double squares = 0;
      timed("gradient norm", [&] { squares = loops.sum_of_squares(n, g.data()); });
      timed("update", [&] {
        loops.adamw(n, w.data(), m.data(), v.data(), g.data(), 1, 0.9f, 0.95f, 1e-6f, static_cast<float>(squares > 0),
                    1e-8f, 1e-8f);
      });
      for (const auto precision : {Precision::Fp32, Precision::Bf16})
        timed("pack " + precision_name(precision), [&] {
          packed[0].pack(columns, rows, MatrixView::transposed(w.data(), columns), precision);
          packed[1].pack(rows, columns, MatrixView::row_major(w.data(), columns), precision);
        });
    }
    const double count = static_cast<double>(n);
    for (const auto precision : {Precision::Fp32, Precision::Bf16})
      for (const StepWork& step : step_works(count, count, count, 2, precision)) {
        const bool seen = precision == Precision::Bf16 && step.work.kind != "pack bf16";
        if (!seen) result.push_back({step.work, fmt::format("arrays of {}", n), median(times.at(step.work.kind))});
      }
  }
  return result;
}

std::vector<MeasuredWork> measure_decode_ops(bool quick, int repeats, std::uint64_t seed, std::size_t memory_bytes) {
  std::vector<MeasuredWork> result;
  const double clock_s = clock_cost();
  Crew crew(1);
  struct Probe {
    Architecture architecture;
    std::int64_t batch, context;
  };
  std::vector<Probe> probes = {{plain_model(1, 192, 3, 3, 3000), 1, 40},
                               {plain_model(1, 448, 7, 7, 5000), 2, 200},
                               {plain_model(1, 1024, 16, 4, 4000), 1, 700}};
  if (!quick) probes.push_back({plain_model(1, 640, 10, 5, 9000), 6, 90});
  for (const auto& probe : probes)
    for (const auto format : {WeightFormat::Fp32, WeightFormat::Bf16, WeightFormat::Int8, WeightFormat::Int4}) {
      const Program program = forward(probe.architecture, Step::decode(probe.batch, probe.context));
      const WeightLayout layout = weight_layout(probe.architecture);
      const auto weights = initial_weights(layout, 1, seed);
      const StreamedWeights streamed(layout, weights.data(), format, 1);
      const PackedWeights none;
      Execution execution(program, layout, Precision::Fp32);
      execution.read_streamed(streamed, crew);
      OpSeconds seconds;
      execution.record_times(&seconds);
      PassTimes times(program);
      const auto ids = random_ids(static_cast<std::size_t>(probe.batch), probe.architecture.vocabulary, seed);
      for (int repeat = 0; repeat <= repeats; ++repeat) {
        execution.forward(weights.data(), none, ids.data(), nullptr);
        if (repeat > 0) times.note(seconds);
        else
          seconds = {std::vector<double>(program.ops.size()), std::vector<double>(program.ops.size()),
                     std::vector<double>(program.ops.size())};
      }
      const auto works = decode_works(program, format);
      for (std::size_t i = 0; i < program.ops.size(); ++i) {
        const double s = times.seconds(WorkPass::Forward, i, clock_s);
        // Every op of a decode step is one work; element work is known from training.
        const bool counts = works[i].kind.rfind("stream", 0) == 0 ||
                            (works[i].kind == "decode attention" && format == WeightFormat::Fp32);
        if (counts && s > shortest_s)
          result.push_back({works[i], fmt::format("decode {} wide, {}", probe.architecture.width, probe.batch), s});
      }
    }
  for (const auto format : {WeightFormat::Fp32, WeightFormat::Bf16, WeightFormat::Int8, WeightFormat::Int4})
    for (const std::size_t columns : {1536u, 4096u}) {
      const std::size_t share = format == WeightFormat::Fp32 ? 8 : format == WeightFormat::Bf16 ? 8 : 4;
      const std::size_t rows = memory_bytes / share / columns * (format == WeightFormat::Int4 && !quick ? 2 : 1) /
                               (format == WeightFormat::Fp32 ? 2 : 1);
      const OpProbe probe = decode_probe(rows, columns, format, crew);
      std::vector<double> times;
      probe.run();
      for (int repeat = 0; repeat < repeats; ++repeat) times.push_back(seconds_per_run(probe, 0, false));
      CpuWork work = probe.work;
      work.rows = static_cast<double>(rows);
      work.items = static_cast<double>(rows * columns);
      work.packed = static_cast<double>(columns);
      result.push_back({work, fmt::format("one matrix, {} wide", columns), median(times)});
    }
  return result;
}

}  // namespace isoflop::sim
