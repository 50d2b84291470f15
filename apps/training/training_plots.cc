#include "apps/training/training_plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "isoflop/number_text.h"
#include "isoflop/sim/training/memory_accuracy.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

constexpr std::size_t most_layouts = 12;  // bars that still fit a page with their names

enum class Kind { Computing, Messages, Waiting };

Kind kind_of(TrainingPart part) {
  switch (part) {
    case TrainingPart::Gemm:
    case TrainingPart::Experts:
    case TrainingPart::Attention:
    case TrainingPart::Elements:
    case TrainingPart::Optimizer: return Kind::Computing;
    case TrainingPart::Tensor:
    case TrainingPart::Expert:
    case TrainingPart::Context:
    case TrainingPart::Pipeline:
    case TrainingPart::Weights:
    case TrainingPart::Gradients: return Kind::Messages;
    case TrainingPart::Starts:
    case TrainingPart::Bubble:
    case TrainingPart::Straggling: return Kind::Waiting;
  }
  return Kind::Waiting;
}

struct TimeUnit {
  const char* name;
  double per_second;
};
TimeUnit unit_for(double seconds) { return seconds < 0.5 ? TimeUnit{"ms", 1e3} : TimeUnit{"s", 1}; }

std::string subject(const TrainingRun& run) {
  return fmt::format("{} on {} x {}", run.architecture.name, run.layout.devices(), run.accelerator.id);
}

PlotSpec bar_plot(const std::string& name, const std::string& title, const std::string& subtitle,
                  const std::string& source, const std::string& axis) {
  PlotSpec plot;
  plot.name = name;
  plot.title = title;
  plot.subtitle = subtitle;
  plot.source = source;
  plot.x = {axis, Scale::Linear, 0.0, {}};
  plot.height_px = 480;
  return plot;
}

// A waterfall: each part begins where the one above it ends.
PlotSpec step_plot(const TrainingReportInput& in) {
  const TrainingOutcome& o = in.outcome;
  const TimeUnit unit = unit_for(o.time.step_s);
  PlotSpec plot = bar_plot(
      "step", "Where a training step goes: " + subject(in.run),
      fmt::format("{}; {} (90 % interval {} to {}), MFU {:.1f} %", describe(in.run.layout),
                  format_duration_s(o.step_s.central), format_duration_s(o.step_s.low),
                  format_duration_s(o.step_s.high), 100 * o.mfu),
      "isoflop train; efficiencies: " + in.efficiencies.origin,
      std::string("time of the slowest pipeline stage, ") + unit.name);
  plot.description = "Each bar begins where the one above it ends; messages are what no computing hides. ";
  BarLayer before{"up to here", {}, {}, {}, {}, -1};
  std::array<BarLayer, 3> kinds{BarLayer{"computing", {}, {}, {}, {}, 0},
                                BarLayer{"messages that nothing hides", {}, {}, {}, {}, 1},
                                BarLayer{"waiting", {}, {}, {}, {}, 2}};
  double sum = 0;
  for (const auto& [part, seconds] : o.time.parts) {
    const std::string category(name_of(part));
    before.categories.push_back(category);
    before.values.push_back(sum * unit.per_second);
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      kinds[k].categories.push_back(category);
      kinds[k].values.push_back(static_cast<std::size_t>(kind_of(part)) == k ? seconds * unit.per_second : 0);
    }
    sum += seconds;
    plot.description += fmt::format("{}: {} {}. ", category, format_number(seconds * unit.per_second, 3), unit.name);
  }
  plot.bars = {before, kinds[0], kinds[1], kinds[2]};
  return plot;
}

struct MemoryBars {
  std::array<BarLayer, 6> layers{BarLayer{"weights", {}, {}, {}, {}, 0},     BarLayer{"gradients", {}, {}, {}, {}, 1},
                                 BarLayer{"optimiser", {}, {}, {}, {}, 2},   BarLayer{"activations", {}, {}, {}, {}, 3},
                                 BarLayer{"logits", {}, {}, {}, {}, 4},      BarLayer{"other", {}, {}, {}, {}, -1}};

  void add(const std::string& category, const MemoryMoment& m) {
    const std::array<double, 6> parts{m.weights, m.gradients, m.optimizer, m.activations, m.logits, m.other};
    for (std::size_t i = 0; i < layers.size(); ++i) {
      layers[i].categories.push_back(category);
      layers[i].values.push_back(parts[i] / 1e9);
    }
  }

  void finish(PlotSpec& plot, const Accelerator& device) const {
    plot.bars.assign(layers.begin(), layers.end());
    plot.rules = {{"", device.memory_bytes / 1e9, std::nullopt}};
    plot.source += fmt::format("; 90 % of published peaks are {} to {} times the predicted; dashed: {} of a device",
                               format_number(published_peaks.low), format_number(published_peaks.high),
                               format_bytes(device.memory_bytes));
    plot.description +=
        "Other: driver context, buffers of communication, weights gathered by ZeRO-3, fragmentation. The rule marks "
        "the memory of one " +
        device.id + ".";
  }
};

constexpr const char* memory_axis = "memory of one device, GB";

PlotSpec memory_plot(const TrainingReportInput& in) {
  PlotSpec plot = bar_plot("memory", "Memory over a training step: " + subject(in.run),
                           describe(in.run.layout) + "; the fullest pipeline stage",
                           "isoflop train, counted over the operations of the model", memory_axis);
  plot.description = "Stacked bars, one for each moment of a step, earliest first. ";
  MemoryBars bars;
  for (const MemoryMoment& m : in.outcome.memory.timeline) bars.add(m.when, m);
  bars.finish(plot, in.run.accelerator);
  return plot;
}

PlotSpec choices_plot(const TrainingReportInput& in, const std::vector<MemoryVariant>& variants) {
  PlotSpec plot = bar_plot("memory-choices", "Peak memory by recomputation and sharding: " + subject(in.run),
                           "the layout stays as it is: " + describe(in.run.layout) + " (marked *)",
                           "isoflop train, counted over the operations of the model; step times in brackets",
                           memory_axis);
  plot.description = "Stacked bars of the peak for every recomputation and sharding, with the step time of each. ";
  MemoryBars bars;
  for (const MemoryVariant& v : variants)
    bars.add(fmt::format("recompute {}, {} ({}){}", name_of(v.recompute),
                         v.sharding == Sharding::None ? "unsharded" : name_of(v.sharding),
                         format_duration_s(v.step_s), v.chosen ? " *" : ""),
             v.peak);
  bars.finish(plot, in.run.accelerator);
  return plot;
}

std::pair<PlotSpec, PlotSpec> layout_plots(const TrainingReportInput& in, const FrameworkMemory& framework,
                                           const std::vector<FoundLayout>& layouts) {
  const std::size_t shown = std::min(layouts.size(), most_layouts);
  const TimeUnit unit = unit_for(layouts.front().step_s);
  const std::string subtitle = fmt::format("{} layouts, fastest first", shown);
  PlotSpec time = bar_plot("layouts", "Step time of the fastest layouts: " + subject(in.run), subtitle,
                           fmt::format("isoflop train --search; 90 % interval of each: {:.2f} to {:.2f} times the bar; "
                                       "efficiencies: {}",
                                       in.outcome.step_s.low / in.outcome.step_s.central,
                                       in.outcome.step_s.high / in.outcome.step_s.central, in.efficiencies.origin),
                           std::string("time of a step, ") + unit.name);
  PlotSpec memory = bar_plot("layouts-memory", "Peak memory of the fastest layouts: " + subject(in.run), subtitle,
                             "isoflop train --search, counted over the operations of the model", memory_axis);
  time.description = "Stacked bars of computing, messages that nothing hides, bubble and other waiting. ";
  memory.description = "Stacked bars of the peak, in the order of the step times. ";
  BarLayer products{"matrix products", {}, {}, {}, {}, 0}, rest{"attention, other computing", {}, {}, {}, {}, 3},
      messages{"messages that nothing hides", {}, {}, {}, {}, 1}, bubble{"pipeline bubble", {}, {}, {}, {}, 2},
      waiting{"other waiting", {}, {}, {}, {}, -1};
  MemoryBars bars;
  const DevicePeaks peaks = peaks_of(in.run.accelerator, in.run.precision);
  for (std::size_t i = 0; i < shown; ++i) {
    const TrainingRun& run = layouts[i].run;
    const std::string category = describe(run.layout);
    std::array<double, 5> seconds{};
    for (const auto& [part, s] : training_time(training_work(run), peaks, in.efficiencies.constants).parts) {
      const bool product = part == TrainingPart::Gemm || part == TrainingPart::Experts;
      const Kind kind = kind_of(part);
      seconds[product                        ? 0
              : kind == Kind::Computing      ? 1
              : kind == Kind::Messages       ? 2
              : part == TrainingPart::Bubble ? 3
                                             : 4] += s;
    }
    std::size_t k = 0;
    for (BarLayer* layer : {&products, &rest, &messages, &bubble, &waiting}) {
      layer->categories.push_back(category);
      layer->values.push_back(seconds[k++] * unit.per_second);
    }
    bars.add(category, training_memory(run, framework).peak);
  }
  time.bars = {products, rest, messages, bubble, waiting};
  bars.finish(memory, in.run.accelerator);
  return {std::move(time), std::move(memory)};
}

}  // namespace

std::vector<PlotSpec> training_plots(const TrainingReportInput& in, const FrameworkMemory& framework,
                                     const std::vector<MemoryVariant>& variants,
                                     const std::vector<FoundLayout>& layouts) {
  std::vector<PlotSpec> plots;
  if (!layouts.empty()) {
    auto [time, memory] = layout_plots(in, framework, layouts);
    plots = {std::move(time), std::move(memory)};
  }
  plots.push_back(step_plot(in));
  plots.push_back(memory_plot(in));
  plots.push_back(choices_plot(in, variants));
  return plots;
}

}  // namespace isoflop::app
