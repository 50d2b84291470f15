#include "isoflop/sim/machine/machine_calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/sim/kernel/decoder.h"
#include "isoflop/sim/kernel/large_pages.h"
#include "isoflop/sim/kernel/thread_clock.h"
#include "isoflop/sim/kernel/training_step.h"
#include "isoflop/sim/kernel/vector_loops.h"
#include "isoflop/sim/machine/machine_facts.h"
#include "isoflop/sim/machine/op_probe.h"
#include "isoflop/sim/machine/processor_times.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

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

std::vector<std::int32_t> random_ids(std::size_t count, std::int64_t vocabulary, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::int32_t> ids(count);
  for (auto& id : ids) id = static_cast<std::int32_t>(random.index(static_cast<std::size_t>(vocabulary)));
  return ids;
}

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

struct ProbeModel {
  Architecture architecture;
  std::int64_t sequences, length;
};

// Widths, head widths, lengths and vocabularies around, never equal to, those of the models predicted later.
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

// Work on whole arrays, done after the passes of a step.
std::vector<MeasuredWork> measure_step_works(bool quick, int repeats) {
  std::vector<MeasuredWork> result;
  std::vector<std::pair<std::size_t, std::size_t>> shapes = {{96, 200}, {320, 500}, {640, 900}, {1300, 1700}};
  if (!quick) shapes.emplace_back(3000, 4100);
  for (const auto& [rows, columns] : shapes) {
    const std::size_t n = rows * columns;
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
      for (const StepWork& step : step_works(count, count, 2, precision)) {
        const bool seen = precision == Precision::Bf16 && step.work.kind != "pack bf16";
        if (!seen) result.push_back({step.work, fmt::format("arrays of {}", n), median(times.at(step.work.kind))});
      }
  }
  return result;
}

// Decode steps of small models op by op, and large single matrices from memory.
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

struct UnseenModel {
  std::string name;
  Architecture architecture;
  std::int64_t sequences, length;
};

std::vector<UnseenModel> unseen_models(bool quick) {
  std::vector<UnseenModel> models = {{"2 x 64, V 256", plain_model(2, 64, 4, 4, 256), 16, 128},
                                     {"3 x 144, V 768", plain_model(3, 144, 4, 2, 768), 8, 200},
                                     {"4 x 256, V 512", plain_model(4, 256, 4, 4, 512), 8, 256}};
  if (!quick) {
    models.push_back({"4 x 256, V 4096", plain_model(4, 256, 4, 4, 4096), 8, 256});
    models.push_back({"6 x 384, V 4096", plain_model(6, 384, 6, 6, 4096), 4, 256});
    models.push_back({"2 x 768, V 8192", plain_model(2, 768, 12, 12, 8192), 2, 512});
  }
  return models;
}

ProfileCheck check_of(const std::string& what, const std::string& model, const std::string& settings, int threads,
                      const std::vector<double>& seconds, const PredictedTime& predicted) {
  ProfileCheck check{
      what, model, settings, threads, median(seconds), predicted.seconds, predicted.low_s, predicted.high_s, 0};
  check.disagreement = 0.5 * (quantile(seconds, 0.75) - quantile(seconds, 0.25)) / check.measured_s;
  return check;
}

std::vector<double> training_step_seconds(const UnseenModel& model, Precision precision, int threads, int repeats,
                                          std::uint64_t seed) {
  Trainer trainer(model.architecture, static_cast<std::size_t>(model.sequences), static_cast<std::size_t>(model.length),
                  precision, {}, seed, threads);
  const auto count = static_cast<std::size_t>(model.sequences * model.length);
  const std::vector<std::vector<std::int32_t>> ids = {random_ids(count, model.architecture.vocabulary, seed)},
                                               targets = {random_ids(count, model.architecture.vocabulary, seed + 1)};
  std::vector<double> seconds;
  for (int repeat = 0; repeat <= repeats; ++repeat) {
    const auto now = [&] { return threads == 1 ? thread_seconds() : wall_seconds(); };
    const double start = now();
    trainer.step(ids, targets, 1e-4);
    if (repeat > 0) seconds.push_back(now() - start);
  }
  return seconds;
}

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
    execution.backward(weights.data(), packed, 1, gradients.data());
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

MachineCalibration calibrate_machine(const CalibrationRun& run) {
  MachineCalibration result;
  LimitProbe probe(run.threads, run.memory_bytes);
  const int threads = probe.threads();
  const int repeats = run.quick ? 5 : 9;
  std::vector<LimitSample> samples;
  std::vector<Window> windows;
  std::vector<double> steal, foreign;
  // Limits are taken again between the parts, so that they speak for the whole calibration.
  const auto part = [&](double done, const std::string& what, const auto& work) {
    run.progress(done, what);
    const auto before = processor_times();
    samples.push_back(probe.measure(run.quick ? 0.004 : 0.01));
    work();
    const auto after = processor_times();
    Window window;
    if (before && after) {
      const auto shares = shares_between(*before, *after);
      window.steal = shares.steal;
      window.foreign = shares.foreign;
    }
    windows.push_back(window);
  };
  const auto models = probe_models(run.quick);
  for (std::size_t i = 0; i < models.size(); ++i)
    part(0.5 * static_cast<double>(i) / static_cast<double>(models.size()),
         "operations, width " + std::to_string(models[i].architecture.width), [&] {
           for (const auto precision : {Precision::Fp32, Precision::Bf16}) {
             const auto ops = measure_training_ops(models[i].architecture, models[i].sequences, models[i].length,
                                                   precision, repeats, run.seed);
             for (const auto& m : ops) result.measured.push_back(m);
           }
         });
  part(0.5, "optimiser", [&] {
    for (auto& m : measure_step_works(run.quick, repeats)) result.measured.push_back(std::move(m));
  });
  part(0.55, "decoding", [&] {
    for (auto& m : measure_decode_ops(run.quick, repeats, run.seed, run.memory_bytes))
      result.measured.push_back(std::move(m));
  });
  for (int i = 0; i < 3; ++i) part(0.65, "limits", [] {});

  // Medians of the limits, figure by figure.
  const auto middle = [&](const auto& of) {
    std::vector<double> values;
    for (const auto& sample : samples) values.push_back(of(sample));
    return median(values);
  };
  MachineProfile& profile = result.profile;
  profile.processor = processor_name();
  profile.instruction_set = instruction_set_name(instruction_set());
  profile.threads = threads;
  profile.one.fp32_flop_per_s = middle([&](const LimitSample& s) { return probe.one_thread(s).fp32_flop_per_s; });
  profile.one.bf16_flop_per_s = middle([&](const LimitSample& s) { return probe.one_thread(s).bf16_flop_per_s; });
  profile.one.int8_op_per_s = middle([&](const LimitSample& s) { return probe.one_thread(s).int8_op_per_s; });
  for (std::size_t i = 0; i < probe.sizes().size(); ++i) {
    profile.one.set_bytes.push_back(static_cast<double>(probe.sizes()[i]));
    profile.one.bandwidth_bytes_per_s.push_back(middle([&](const LimitSample& s) { return s.bandwidth_one[i]; }));
  }
  profile.all = profile.one;
  if (threads > 1) {
    // What one thread gets while all run, at the sizes where that was measured; in between as alone, but never more.
    LimitValues shared;
    for (const auto& [bytes, rate] : samples.front().bandwidth_all) {
      const std::size_t size = bytes;
      shared.set_bytes.push_back(static_cast<double>(size));
      shared.bandwidth_bytes_per_s.push_back(middle([&](const LimitSample& s) { return s.bandwidth_all.at(size); }) /
                                             threads);
    }
    for (std::size_t i = 0; i < profile.all.set_bytes.size(); ++i)
      if (profile.all.set_bytes[i] >= shared.set_bytes.front())
        profile.all.bandwidth_bytes_per_s[i] =
            std::min(profile.all.bandwidth_bytes_per_s[i], shared.bandwidth(profile.all.set_bytes[i]));
    std::vector<double> starts;
    for (int i = 0; i < 51; ++i) {
      const double start = wall_seconds();
      parallel_for(static_cast<std::size_t>(threads), threads, [](std::size_t) {});
      starts.push_back(wall_seconds() - start);
    }
    profile.thread_start_s = median(starts);
  }
  run.progress(0.68, "fitting");
  profile.ops = fit_cpu_ops(result.measured, profile.one, run.seed, run.threads);

  const auto unseen = unseen_models(run.quick);
  for (std::size_t i = 0; i < unseen.size(); ++i)
    part(0.7 + 0.25 * static_cast<double>(i) / static_cast<double>(unseen.size()), "unseen model " + unseen[i].name,
         [&] {
           const UnseenModel& m = unseen[i];
           for (const auto precision : {Precision::Fp32, Precision::Bf16})
             for (const int n : {1, threads}) {
               if (n == threads && threads > 1 && precision == Precision::Fp32 && run.quick) continue;
               const auto seconds = training_step_seconds(m, precision, n, run.quick ? 5 : 7, run.seed);
               profile.checks.push_back(check_of(
                   "training step", m.name,
                   fmt::format("{} x {} tokens, {}", m.sequences, m.length, precision_name(precision)), n, seconds,
                   predict_training_step(profile, m.architecture, m.sequences, m.length, precision, n)));
               if (threads == 1) break;
             }
         });
  struct UnseenDecode {
    std::string name;
    Architecture architecture;
    std::size_t batch, prompt;
  };
  std::vector<UnseenDecode> decodes = {{"4 x 512, V 8000", plain_model(4, 512, 8, 4, 8000), 1, 60}};
  if (!run.quick) decodes.push_back({"5 x 768, V 16000", plain_model(5, 768, 12, 4, 16000), 3, 150});
  for (const auto& m : decodes)
    for (const auto format : {WeightFormat::Fp32, WeightFormat::Bf16, WeightFormat::Int8, WeightFormat::Int4})
      part(0.96, "decoding of unseen models", [&] {
        DecoderSettings settings{
            m.batch, m.prompt, m.prompt + 24, format, format == WeightFormat::Fp32 ? Precision::Fp32 : Precision::Bf16,
            1};
        Decoder decoder(m.architecture,
                        initial_weights(weight_layout(m.architecture), m.architecture.layers.size(), run.seed),
                        settings);
        const auto prompt = random_ids(m.batch * m.prompt, m.architecture.vocabulary, run.seed),
                   next = random_ids(m.batch, m.architecture.vocabulary, run.seed + 1);
        std::vector<double> prefill, decode;
        for (int repeat = 0; repeat < 4; ++repeat) {
          const double start = thread_seconds();
          decoder.prefill(prompt);
          if (repeat > 0) prefill.push_back(thread_seconds() - start);
        }
        for (int repeat = 0; repeat < 15; ++repeat) {
          const double start = thread_seconds();
          decoder.decode(next);
          if (repeat > 0) decode.push_back(thread_seconds() - start);
        }
        const auto batch = static_cast<std::int64_t>(m.batch), length = static_cast<std::int64_t>(m.prompt);
        profile.checks.push_back(
            check_of("decode step", m.name,
                     fmt::format("batch {}, context {}, {}", m.batch, m.prompt + 8, weight_format_name(format)), 1,
                     decode, predict_decode_step(profile, m.architecture, batch, length + 8, format)));
        if (format == WeightFormat::Fp32 || format == WeightFormat::Bf16)
          profile.checks.push_back(check_of(
              "prefill", m.name,
              fmt::format("{} x {} tokens, {}", m.batch, m.prompt, precision_name(settings.prefill_precision)), 1,
              prefill, predict_prefill(profile, m.architecture, batch, length, settings.prefill_precision)));
      });

  std::vector<Window> peaks, bandwidths;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    Window w = windows[i];
    steal.push_back(w.steal);
    foreign.push_back(w.foreign);
    w.value = samples[i].peak_one.at(PeakKind::Fp32);
    peaks.push_back(w);
    w.value = samples[i].bandwidth_one.back();
    bandwidths.push_back(w);
  }
  result.peak = summarise(peaks, run.rules);
  result.bandwidth = summarise(bandwidths, run.rules);
  result.dropped_windows = result.peak.dropped_steal;
  result.median_steal = median(steal);
  result.median_foreign = median(foreign);
  return result;
}

}  // namespace isoflop::sim
