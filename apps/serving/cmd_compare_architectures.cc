// `compare-architectures`: models side by side at equal hardware and load.
#include <fmt/format.h>

#include "apps/catalogue/catalogue_report.h"
#include "apps/serving/serve_commands.h"
#include "apps/serving/serve_options.h"
#include "apps/serving/serve_plots.h"
#include "apps/serving/serve_report.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/error.h"
#include "isoflop/model/parameters.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

class CompareArchitectures : public Command {
 public:
  std::string name() const override { return "compare-architectures"; }
  std::string summary() const override {
    return "models side by side: what each costs to serve on equal hardware at equal load";
  }
  std::string examples() const override {
    return "isoflop compare-architectures arctic dbrx mixtral-8x7b llama-3-70b phi-3-mini --on h100 --tp 8 --weights "
           "fp8\n"
           "isoflop compare-architectures llama-2-7b llama-3-8b mistral-7b --on a100 --batch 64";
  }

  void declare(OptionSet& options) override {
    options.positionals("models", names_, "two or more models or JSON files");
    options_.declare(options);
  }

  Report run(const Settings& settings) override {
    if (names_.size() < 2) throw Error(Fault::Usage, "compare-architectures needs two models or more");
    if (options_.on.empty())
      throw Error(Fault::Usage, "compare-architectures needs --on ACCELERATOR; isoflop accelerators list");
    const auto devices = AcceleratorCatalogue::load(settings.data);
    const Accelerator& device = devices.require(options_.on);
    const OpProfile profile = OpProfile::load(settings.data);
    const ServingLoad load = options_.load();
    Report report;
    report.inputs = {input_of(devices.origin(), 1)};
    ReportTable table{fmt::format("On {}, batch {}, {} + {} tokens, {} weights", where_text(load, device), load.batch,
                                  load.prompt, load.generate, options_.weights),
                      {{"model", "model", Align::Left},
                       {"parameters", "params_total", Align::Right, 3, true},
                       {"active", "params_active", Align::Right, 3, true},
                       {"attention", "attention", Align::Left},
                       {"GFLOP/token", "gigaflop_per_token"},
                       {"KV kB/token", "kv_kilobytes_per_token"},
                       {"memory GB", "memory_gigabytes"},
                       {"fits", "fits_in_memory", Align::Left},
                       {"TTFT ms", "ttft_ms"},
                       {"TPOT ms", "tpot_ms"},
                       {"low", "tpot_low_ms"},
                       {"high", "tpot_high_ms"},
                       {"tokens/s", "output_tokens_per_s"},
                       {"J/token", "joules_per_token"},
                       {"USD/Mtoken", "usd_per_million_tokens"}},
                      {},
                      "GFLOP/token: matrix products of the prefill over its tokens; J/token: accelerators only"};
    PlotSpec plot;
    plot.name = "mbu";
    plot.title = "Memory bandwidth utilisation against batch";
    plot.subtitle = fmt::format("{}, {} + {} tokens, {} weights", where_text(load, device), load.prompt,
                                load.generate, options_.weights);
    plot.source = "isoflop compare-architectures, closed form";
    plot.description = "one curve per model; each ends where memory is full";
    plot.x = {"batch", Scale::Log, {}, {}};
    plot.y = {"MBU of decode, %", Scale::Linear, 0.0, 100.0};
    Value rows = Value::array();
    std::vector<Architecture> architectures;
    std::string fastest, without_curve;
    double most = 0;
    int colour = 0;
    for (const std::string& name : names_) {
      const NamedArchitecture model = named_architecture(name, settings.data);
      check(load, model.architecture);
      architectures.push_back(model.architecture);
      const StepPricer pricer(model.architecture, device, profile);
      const MemoryModel memory(model.architecture, device);
      const ServingAnswer a = serve(pricer, memory, load, options_.options());
      const ParameterCount count = count_parameters(model.architecture);
      const double flop = a.prefill_flop / static_cast<double>(load.batch * load.prompt);
      const double kv = static_cast<double>(kv_elements_per_token(model.architecture)) * load.kv_bytes();
      table.rows.push_back({model.architecture.name, count.total, count.active,
                            describe(model.architecture.layers.front().attention), flop / 1e9, kv / 1e3,
                            a.memory.total() / 1e9, a.fits, 1e3 * a.ttft_s.central, 1e3 * a.tpot_s.central,
                            1e3 * a.tpot_s.low, 1e3 * a.tpot_s.high, a.output_tokens_per_s.central,
                            central(a.joules_per_token), central(a.usd_per_million_tokens)});
      Value row = Value::object({{"model", model.architecture.name},
                                 {"params_total", count.total},
                                 {"params_active", count.active},
                                 {"flops_per_token_prefill", flop},
                                 {"kv_bytes_per_token", kv}});
      add_serving_values(row, a);
      rows.push_back(std::move(row));
      if (a.fits && a.output_tokens_per_s.central > most) {
        most = a.output_tokens_per_s.central;
        fastest = model.architecture.name;
      }
      if (!a.fits)
        report.warnings.push_back(model.architecture.name +
                                  " does not fit on this hardware; its times hold only if it did");
      // A model too large for one request has no curve and no place in the legend.
      if (LineLayer line = utilisation(pricer, memory, load, a.max_batch, colour++); !line.x.empty())
        plot.lines.push_back(std::move(line));
      else
        without_curve += (without_curve.empty() ? "; too large: " : ", ") + model.architecture.name;
    }
    plot.subtitle += without_curve;
    report.result["accelerator"] = device.id;
    report.result["models"] = rows;
    report.headline = fastest.empty()
                          ? "None of these models fits on this hardware."
                          : fmt::format("Most output per second on {} at batch {}: {}, {} tokens/s.",
                                        where_text(load, device), load.batch, fastest, format_number(most, 3));
    if (fastest.empty()) report.distrust = "no model fits";
    report.tables = {table};
    if (!plot.lines.empty()) report.plots.push_back(plot);
    report.plots.push_back(cache_plot(architectures, load));
    report.assumptions = serving_assumptions(load, {});
    return report;
  }

 private:
  static TableCell central(const std::optional<Estimate>& estimate) {
    return estimate ? TableCell(estimate->central) : TableCell();
  }

  static LineLayer utilisation(const StepPricer& pricer, const MemoryModel& memory, ServingLoad load,
                               std::int64_t max_batch, int colour) {
    LineLayer line{pricer.architecture().name, {}, {}, Dash::Solid, colour, 2};
    ServingOptions quick;
    quick.decode_points = 1;
    for (load.batch = 1; load.batch <= std::min<std::int64_t>(256, max_batch); load.batch *= 2) {
      line.x.push_back(static_cast<double>(load.batch));
      line.y.push_back(100 * serve(pricer, memory, load, quick).mbu.central);
    }
    return line;
  }

  std::vector<std::string> names_;
  ServeOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_compare_architectures() { return std::make_unique<CompareArchitectures>(); }

}  // namespace isoflop::app
