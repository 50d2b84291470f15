#include "isoflop/sim/machine/machine_calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "isoflop/parallel.h"
#include "isoflop/sim/kernel/decoder.h"
#include "isoflop/sim/kernel/thread_clock.h"
#include "isoflop/sim/kernel/training_step.h"
#include "isoflop/sim/machine/machine_facts.h"
#include "isoflop/sim/machine/op_probe.h"
#include "isoflop/sim/machine/processor_times.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
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
