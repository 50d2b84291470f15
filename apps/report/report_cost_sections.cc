// Sections about money and memory: what the cohort costs to train, to hold and to serve on one kind of device.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/catalogue/catalogue_report.h"
#include "apps/catalogue/cohort_tables.h"
#include "apps/report/report_sections.h"
#include "apps/serving/serve_report.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/error.h"
#include "isoflop/model/conventions.h"
#include "isoflop/model/parameters.h"
#include "isoflop/number_text.h"
#include "isoflop/plot/theme.h"
#include "isoflop/sim/footprint/mfu_prior.h"
#include "isoflop/sim/serving/serving.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

constexpr std::int64_t compared_batch = 32, compared_prompt = 2048, compared_generate = 256, longest_batch = 256,
                       most_devices = 8;

std::vector<std::string> compared_models(const ReportRequest& request) {
  std::vector<std::string> names = cohort_with_architecture();
  names.insert(names.end(), request.with.begin(), request.with.end());
  return names;
}

std::string usd(double value) {
  return fmt::format("USD {}", value >= 1000 ? format_count(value, 2) : format_number(value, 2));
}
std::string usd_range(const Estimate& e) {
  return usd(e.central) + " (" + usd(e.low).substr(4) + " to " + usd(e.high).substr(4) + ")";
}

/// A model on the fewest devices that hold it: 16-bit weights on up to eight, else 8-bit weights.
struct Deployment {
  std::string name;
  Architecture architecture;
  ServingLoad load;
  bool fits = false;
  std::string words() const {
    return fmt::format("{} ({}{})", name, load.tensor_parallel, load.weights == WeightFormat::Fp8 ? ", fp8" : "");
  }
};

bool divides(const ServingLoad& load, const Architecture& architecture) {
  try {
    check(load, architecture);
    return true;
  } catch (const Error&) {
    return false;
  }
}

Deployment deploy(const std::string& name, const NamedArchitecture& model, const Accelerator& device) {
  Deployment d{name, model.architecture, {}, false};
  d.load.prompt = compared_prompt;
  d.load.generate = compared_generate;
  const MemoryModel memory(model.architecture, device);
  for (const WeightFormat weights : {WeightFormat::Bf16, WeightFormat::Fp8}) {
    d.load.weights = weights;
    for (d.load.tensor_parallel = 1; d.load.tensor_parallel <= most_devices; d.load.tensor_parallel *= 2)
      if (divides(d.load, model.architecture) && memory.fits(d.load)) {
        d.fits = true;
        return d;
      }
  }
  d.load.tensor_parallel = most_devices;
  return d;
}

/// Price of a whole run from 6ND and what whole runs make of a device's peak.
std::optional<Estimate> training_price(const ModelRecord& m, double active, const Accelerator& device,
                                       const MfuPrior& prior) {
  const auto peak = device.bf16_flop_per_s;
  if (!m.training_tokens || !peak || !device.price_usd_per_hour) return std::nullopt;
  const MfuEstimate mfu = prior.estimate(device, active, {});
  const double spread = std::exp(normal_quantile(0.95) * mfu.sigma_ln);
  const double price =
      device_hours_6nd(active, static_cast<double>(*m.training_tokens), *peak, mfu.median) * *device.price_usd_per_hour;
  return Estimate{price / spread, price, price * spread, "6ND over peak x utilisation of whole runs"};
}

PlotSpec plot_base(const std::string& name, const std::string& title, const std::string& subtitle,
                   const std::string& source) {
  PlotSpec plot;
  plot.name = name;
  plot.title = title;
  plot.subtitle = subtitle;
  plot.source = source;
  return plot;
}

}  // namespace

SectionContent cohort_section(const ReportRequest& request, const Settings& settings) {
  const Report report = cohort_tables(settings, request.with, 2048);
  std::vector<std::string> words = {"models", "cohort"};
  for (const auto& name : request.with) words.insert(words.end(), {"--with", name});
  SectionContent content = content_of(report, words);
  content.tables = report.tables;
  return content;
}

SectionContent costs_section(const ReportRequest& request, const Settings& settings) {
  const auto devices = AcceleratorCatalogue::load(settings.data);
  const Accelerator& device = devices.require(request.device);
  const auto models = ModelCatalogue::load(settings.data);
  const MfuPrior prior = MfuPrior::load(settings.data, devices);
  struct Line {
    std::string name;
    double weights_gb = 0, kv_gb = 0, flop = 0, kv_kb = 0;
    ParameterCount count;
    std::optional<Estimate> price;
    std::optional<std::int64_t> devices;
  };
  std::vector<Line> lines;
  for (const auto& id : compared_models(request)) {
    const NamedArchitecture model = named_architecture(id, settings.data);
    Line line;
    line.name = model.record ? model.record->name : model.architecture.name;
    line.count = count_parameters(model.architecture);
    ServingLoad load;
    load.batch = compared_batch;
    load.prompt = compared_prompt;
    load.generate = compared_generate;
    const MemoryModel memory(model.architecture, device);
    const ServingMemory used = memory.memory(load);
    line.weights_gb = used.weights / 1e9;
    line.kv_gb = used.kv_cache / 1e9;
    line.flop = forward_flops_per_token(model.architecture, compared_prompt, AttentionCounting::Causal);
    line.kv_kb = 2e-3 * static_cast<double>(kv_elements_per_token(model.architecture));
    line.devices = memory.devices_needed(load);
    if (model.record) line.price = training_price(*model.record, static_cast<double>(line.count.active), device, prior);
    lines.push_back(std::move(line));
  }

  SectionContent content;
  content.command = "isoflop serve MODEL --on " + device.id +
                    " --batch 32 --explain\nisoflop footprint MODEL --explain     (device-hours from 6ND)";
  ReportTable table{"Costs side by side",
                    {{"Model", "model", Align::Left},
                     {"Parameters", "params_total", Align::Right, 3, true},
                     {"Active", "params_active", Align::Right, 3, true},
                     {"GFLOP/token", "gigaflop_per_token_forward"},
                     {"KV kB/token", "kv_kilobytes_per_token"},
                     {"Weights GB", "weights_gigabytes"},
                     {"Cache GB", "kv_cache_gigabytes"},
                     {"Devices", "devices_needed"},
                     {"Training USD", "training_usd", Align::Right, 3, true},
                     {"low", "training_usd_low", Align::Right, 3, true},
                     {"high", "training_usd_high", Align::Right, 3, true}},
                    {},
                    fmt::format("16-bit weights and cache, {} sequences of {} + {} tokens on {}; devices: smallest "
                                "power of two that holds them. Training: 6ND on the same device at the "
                                "utilisation that published whole runs reached, 90 % interval; - = tokens undisclosed.",
                                compared_batch, compared_prompt, compared_generate, device.id)};
  const Line *cheapest = nullptr, *dearest = nullptr, *largest = nullptr, *longest_cache = nullptr,
             *shortest_cache = nullptr;
  for (const Line& line : lines) {
    const auto usd_cell = [&](double Estimate::*end) {
      return line.price ? TableCell((*line.price).*end) : TableCell();
    };
    table.rows.push_back({line.name, line.count.total, line.count.active, line.flop / 1e9, line.kv_kb, line.weights_gb,
                          line.kv_gb, line.devices ? TableCell(*line.devices) : TableCell(),
                          usd_cell(&Estimate::central), usd_cell(&Estimate::low), usd_cell(&Estimate::high)});
    if (line.price && (!cheapest || line.price->central < cheapest->price->central)) cheapest = &line;
    if (line.price && (!dearest || line.price->central > dearest->price->central)) dearest = &line;
    if (!largest || line.weights_gb > largest->weights_gb) largest = &line;
    if (!longest_cache || line.kv_kb > longest_cache->kv_kb) longest_cache = &line;
    if (!shortest_cache || line.kv_kb < shortest_cache->kv_kb) shortest_cache = &line;
  }
  content.finding =
      cheapest
          ? fmt::format(
                "Trained again on {}, the final run alone would cost from {} for {} to {} for {} (90 % intervals). ",
                device.id, usd_range(*cheapest->price), cheapest->name, usd_range(*dearest->price), dearest->name)
          : std::string();
  content.finding += fmt::format(
      "{} holds {} GB of weights to use {} parameters per token; a token in the cache takes {} kB in {} and {} kB in "
      "{} (exact counts).",
      largest->name, format_number(largest->weights_gb, 3), format_count(static_cast<double>(largest->count.active)),
      format_number(shortest_cache->kv_kb, 3), shortest_cache->name, format_number(longest_cache->kv_kb, 4),
      longest_cache->name);
  content.tables = {table};

  const std::string source =
      "isoflop report: models.csv recounted; price of " + device.id + ": " +
      (device.price_usd_per_hour ? format_number(*device.price_usd_per_hour, 3) + " USD/h" : "unknown");
  PlotSpec memory = plot_base("memory", "Memory to serve 32 sequences, weights and cache",
                              fmt::format("16 bits, {} + {} tokens each; dashed: the memory of one {}", compared_prompt,
                                          compared_generate, device.name),
                              "isoflop report: dimensions of models.csv, recounted");
  memory.x = {"memory, GB", Scale::Linear, {}, {}};
  memory.description =
      "Stacked bars of weights and key/value cache for each model, largest first; a rule marks one device of " +
      device.id + ".";
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.weights_gb + a.kv_gb > b.weights_gb + b.kv_gb; });
  BarLayer weights{"weights", {}, {}, {}, {}, 0}, cache{"key/value cache", {}, {}, {}, {}, 1};
  for (const Line& line : lines) {
    weights.categories.push_back(line.name);
    weights.values.push_back(line.weights_gb);
    cache.categories.push_back(line.name);
    cache.values.push_back(line.kv_gb);
  }
  memory.bars = {weights, cache};
  memory.rules = {{"", device.memory_bytes / 1e9, std::nullopt}};
  content.plots.push_back(std::move(memory));

  PlotSpec price = plot_base("training-price", "Price of the final training run on " + device.name,
                             "6ND at the utilisation of published whole runs; bars are 90 % intervals", source);
  price.x = {"total parameters", Scale::Log, {}, {}, TickStyle::Count};
  price.y = {"USD", Scale::Log, {}, {}, TickStyle::Count};
  price.description =
      "Points with intervals: price of one training run against total parameters, dense models and mixtures of experts "
      "apart.";
  for (const bool mixture : {false, true}) {
    PointLayer layer;
    layer.legend = mixture ? "mixture of experts" : "dense";
    layer.marker = mixture ? Marker::TriangleUp : Marker::Circle;
    layer.colour = mixture ? 1 : 0;
    for (const Line& line : lines) {
      if (!line.price || (line.count.total != line.count.active) != mixture) continue;
      layer.x.push_back(static_cast<double>(line.count.total));
      layer.y.push_back(line.price->central);
      layer.y_low.push_back(line.price->low);
      layer.y_high.push_back(line.price->high);
      layer.names.push_back(line.name);
      layer.labelled.push_back(true);
      layer.notes.push_back(fmt::format("{} (90 % interval); {} active; {} GFLOP per token", usd_range(*line.price),
                                        format_count(static_cast<double>(line.count.active)),
                                        format_number(line.flop / 1e9, 3)));
    }
    if (!layer.x.empty()) price.points.push_back(std::move(layer));
  }
  if (!price.points.empty()) content.plots.push_back(std::move(price));
  content.inputs = {input_of(models.origin(), lines.size()), input_of(devices.origin(), 1)};
  content.assumptions = {
      {"price of a device-hour", device.price_usd_per_hour ? Value(*device.price_usd_per_hour) : Value(), "USD/h",
       device.price_source + " (" + device.price_confidence + ")"},
      {"utilisation of whole runs", "learnt from footprint_published.csv", "", "isoflop footprint MODEL --explain"},
      {"final run only", "no experiments, no failed runs, no staff", "", "definition"}};
  for (const Line& line : lines)
    if (!line.price)
      content.notes.push_back(line.name +
                              ": no training price, because its owner does not disclose the training tokens");
  return content;
}

SectionContent serving_section(const ReportRequest& request, const Settings& settings) {
  const auto devices = AcceleratorCatalogue::load(settings.data);
  const Accelerator& device = devices.require(request.device);
  const OpProfile profile = OpProfile::load(settings.data);
  SectionContent content;
  content.command = "isoflop serve MODEL --on " + device.id + " --batch N --tp N";
  ReportTable table{"Serving, by model and batch",
                    {{"Model", "model", Align::Left},
                     {"Devices", "devices"},
                     {"Weights", "weights", Align::Left},
                     {"Batch", "batch"},
                     {"TTFT ms", "ttft_ms"},
                     {"TPOT ms", "tpot_ms"},
                     {"low", "tpot_low_ms"},
                     {"high", "tpot_high_ms"},
                     {"tokens/s/device", "output_tokens_per_s_per_device"},
                     {"MBU %", "mbu_percent", Align::Right, 3},
                     {"USD/Mtoken", "usd_per_million_tokens", Align::Right, 3},
                     {"low", "usd_low", Align::Right, 3},
                     {"high", "usd_high", Align::Right, 3},
                     {"J/token", "joules_per_token", Align::Right, 3},
                     {"Bound by", "bound", Align::Left}},
                    {},
                    fmt::format("{} + {} tokens, all sequences start together, nobody queues; price per million output "
                                "tokens, prefill paid for, batch always full.",
                                compared_prompt, compared_generate)};
  const std::string source = "isoflop serve, closed form, " + device.id + "; constants: data/op_profiles.csv";
  PlotSpec frontier =
      plot_base("frontier", "Throughput against latency as the batch grows",
                "Each model on the fewest devices that hold it (in brackets); each point is a batch size", source);
  frontier.x = {"time per output token, ms", Scale::Log, {}, {}};
  frontier.y = {"output tokens/s per device", Scale::Log, {}, {}};
  frontier.description =
      "One curve per model; up and to the left is better. A curve ends where memory is full or at 256 sequences.";
  PlotSpec price = plot_base("price", "Price against latency",
                             "Million output tokens, prefill paid for; 90 % interval at every point", source);
  price.x = frontier.x;
  price.y = {"USD per million output tokens", Scale::Log, {}, {}};
  price.description =
      "One curve per model; down and to the left is better. Intervals add those of single kernels as if all erred "
      "alike.";
  struct Best {
    std::string words;
    Estimate price, tpot_s;
    std::int64_t batch = 0;
  };
  std::optional<Best> cheapest, dearest;
  std::size_t colour = 0;
  std::vector<std::string> missing;
  for (const auto& id : compared_models(request)) {
    const NamedArchitecture model = named_architecture(id, settings.data);
    const std::string name = model.record ? model.record->name : model.architecture.name;
    Deployment d = deploy(name, model, device);
    if (!d.fits) {
      missing.push_back(name);
      continue;
    }
    const StepPricer pricer(model.architecture, device, profile);
    const MemoryModel memory(model.architecture, device);
    LineLayer line{"", {}, {}, Dash::Solid, static_cast<int>((colour + colour / 12) % 6), 1.6};
    PointLayer points;
    points.legend = d.words();
    points.colour = line.colour;
    points.marker = marker_of_group(colour++);
    PointLayer priced = points;
    LineLayer price_line = line;
    std::optional<Best> best;
    ServingOptions quick;
    quick.decode_points = 1;
    const std::int64_t full = std::min(longest_batch, memory.max_batch(d.load));
    for (d.load.batch = 1; d.load.batch <= full; d.load.batch *= 2) {
      const ServingAnswer a = serve(pricer, memory, d.load, quick);
      const double per_device = a.output_tokens_per_s.central / static_cast<double>(d.load.tensor_parallel);
      line.x.push_back(1e3 * a.tpot_s.central);
      line.y.push_back(per_device);
      points.names.push_back(fmt::format("{}, batch {}", name, d.load.batch));
      std::string note = fmt::format("{} to {} per token (90 %); MBU {} %", format_duration_s(a.tpot_s.low),
                                     format_duration_s(a.tpot_s.high), format_number(100 * a.mbu.central, 2));
      TableCell usd_central, usd_low, usd_high, joules;
      if (a.usd_per_million_tokens) {
        const Estimate& e = *a.usd_per_million_tokens;
        note += "; " + usd_range(e) + " per million tokens";
        usd_central = e.central, usd_low = e.low, usd_high = e.high;
        price_line.x.push_back(1e3 * a.tpot_s.central);
        price_line.y.push_back(e.central);
        priced.y_low.push_back(e.low);
        priced.y_high.push_back(e.high);
        priced.names.push_back(points.names.back());
        priced.notes.push_back(note);
        if (!best || e.central < best->price.central) best = Best{d.words(), e, a.tpot_s, d.load.batch};
      }
      if (a.joules_per_token) joules = a.joules_per_token->central;
      points.notes.push_back(note);
      table.rows.push_back({name, d.load.tensor_parallel,
                            std::string(d.load.weights == WeightFormat::Fp8 ? "fp8" : "bf16"), d.load.batch,
                            1e3 * a.ttft_s.central, 1e3 * a.tpot_s.central, 1e3 * a.tpot_s.low, 1e3 * a.tpot_s.high,
                            per_device, 100 * a.mbu.central, usd_central, usd_low, usd_high, joules,
                            std::string(name_of(a.decode.bound))});
    }
    points.x = line.x;
    points.y = line.y;
    points.labelled.assign(points.x.size(), false);
    frontier.lines.push_back(line);
    frontier.points.push_back(points);
    if (price_line.x.empty()) continue;
    priced.x = price_line.x;
    priced.y = price_line.y;
    priced.labelled.assign(priced.x.size(), false);
    price.lines.push_back(price_line);
    price.points.push_back(priced);
    if (best && (!cheapest || best->price.central < cheapest->price.central)) cheapest = best;
    if (best && (!dearest || best->price.central > dearest->price.central)) dearest = best;
  }
  if (cheapest)
    content.finding = fmt::format(
        "A full server of {} produces a million output tokens for {} with {} at batch {} (one token every {}), for {} "
        "with {} (90 % intervals; in brackets devices); one that works half of the time costs twice as much.",
        device.id, usd_range(cheapest->price), cheapest->words, cheapest->batch,
        format_duration_s(cheapest->tpot_s.central), usd_range(dearest->price), dearest->words);
  else
    content.finding = device.id + " has no price in the catalogue, or holds none of the models: times only.";
  content.plots.push_back(std::move(frontier));
  if (!price.points.empty()) content.plots.push_back(std::move(price));
  content.tables = {table};
  for (const auto& name : missing)
    content.notes.push_back(
        fmt::format("{} is left out: eight {} do not hold it, or cannot share its heads", name, device.id));
  content.assumptions = serving_assumptions(ServingLoad{}, {});
  content.inputs = {input_of(devices.origin(), 1)};
  return content;
}

}  // namespace isoflop::app
