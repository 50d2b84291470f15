// `serve`: latency, throughput, memory, energy and price of a served model in closed form, and the inverse questions;
// request by request with a load of requests (request_simulation.h).
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "apps/catalogue/catalogue_report.h"
#include "apps/serving/request_simulation.h"
#include "apps/serving/serve_commands.h"
#include "apps/serving/serve_options.h"
#include "apps/serving/serve_plots.h"
#include "apps/serving/serve_report.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/engines/engine_serving.h"
#include "isoflop/sim/footprint/inference_energy.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

constexpr const char* no_context_limit =
    "memory does not limit the context, because every layer sees a window only: a sequence's cache stops growing";

class ServeCommand : public Command {
 public:
  std::string name() const override { return "serve"; }
  std::string summary() const override { return "latency, throughput, memory, energy and price of serving a model"; }
  std::string examples() const override {
    return "isoflop serve llama-3-8b --on h100 --batch 32\n"
           "isoflop serve llama-3-70b --on h100 --tp 4 --weights fp8 --compute fp8 --explain\n"
           "isoflop serve llama-3-70b --on h200 --tp 4 --weights fp8 --compute fp8 --engine vllm --batch 32   as its "
           "published runs behave\n"
           "isoflop serve phi-3-mini --on iphone-14-pro --weights int4 --prompt 256\n"
           "isoflop serve mixtral-8x7b --on a100 --tp 2 --max-batch\n"
           "isoflop serve arctic --fits                        which machines can hold it at all\n"
           "isoflop serve llama-3-8b --on l40s --best-format\n"
           "isoflop serve llama-3-8b --on h100 --rate 8 --lengths lognormal --slo-ttft 500ms --slo-tpot 30ms    "
           "request by request\n"
           "isoflop serve llama-3-8b --on h100 --trace requests.csv --replicas 2 --vllm-json result.json";
  }

  void declare(OptionSet& options) override {
    options.positional("model", model_, "id or alias of a model, or a JSON file (config.json)");
    options_.declare(options);
    options.group("Engine");
    options.choice("--engine", options_.engine, sim::engine_names,
                   "time by constants fitted to this engine's published runs instead of by operation");
    options.text("--profile", options_.profile,
                 "with --engine: constants from this profile.json (isoflop calibrate --write-profile)");
    options.group("Inverse questions");
    options.flag("--max-batch", max_batch_, "largest batch that fits in memory");
    options.flag("--max-context", max_context_, "longest context that fits in memory");
    options.flag("--fits", fits_, "which accelerators hold it, and how many of them");
    options.flag("--best-format", best_format_, "storage formats side by side, fastest first");
    requests_.declare(options);
  }

  Report run(const Settings& settings) override {
    if (max_batch_ + max_context_ + fits_ + best_format_ > 1)
      throw Error(Fault::Usage, "--max-batch, --max-context, --fits and --best-format: ask one at a time");
    if (options_.on.empty() && !fits_)
      throw Error(Fault::Usage, "serve needs --on ACCELERATOR (or --fits); isoflop accelerators list");
    const bool by_request = requests_.asked();
    if (by_request && max_batch_ + max_context_ + fits_ + best_format_ > 0)
      throw Error(Fault::Usage,
                  "--max-batch, --max-context, --fits and --best-format are of the closed form: leave the load of "
                  "requests out");
    if (!options_.profile.empty() && options_.engine.empty())
      throw Error(Fault::Usage, "--profile needs --engine NAME");
    if (!options_.engine.empty() && (by_request || max_batch_ + max_context_ + fits_ + best_format_ > 0))
      throw Error(Fault::Usage,
                  "--engine answers for one load: leave the inverse questions and the load of requests out");
    const NamedArchitecture model = named_architecture(model_, settings.data);
    const auto devices = AcceleratorCatalogue::load(settings.data);
    Report report;
    report.inputs = {input_of(model.origin, 1), input_of(devices.origin(), fits_ ? devices.all().size() : 1)};
    report.result["model"] = model.architecture.name;
    for (const std::string& note : model.architecture.notes) report.warnings.push_back(note);
    const ServingLoad load = options_.load();
    if (fits_) {
      answer_fits(model.architecture, devices, load, report);
      return report;
    }
    const Accelerator& device = devices.require(options_.on);
    check(load, model.architecture);
    if (by_request) {
      report.result["accelerator"] = device.id;
      answer_requests(model.architecture, device, options_, requests_, settings, report);
      return report;
    }
    add_load(load, device, report);
    const MemoryModel memory(model.architecture, device);
    if (max_batch_ || max_context_) {
      answer_limit(memory, load, device, report);
      return report;
    }
    const StepPricer pricer(model.architecture, device, OpProfile::load(settings.data));
    if (!options_.engine.empty())
      profile_ =
          options_.profile.empty()
              ? EngineProfile::load(settings.data)
              : EngineProfile::from_json(parse_json(read_file(options_.profile), options_.profile), options_.profile);
    if (best_format_)
      answer_formats(pricer, memory, load, report);
    else
      answer_serving(pricer, memory, load, report);
    return report;
  }

 private:
  void add_load(const ServingLoad& load, const Accelerator& device, Report& report) const {
    report.result["accelerator"] = device.id;
    report.result["load"] = Value::object({{"batch", load.batch},
                                           {"prompt_tokens", load.prompt},
                                           {"generate_tokens", load.generate},
                                           {"weights", options_.weights},
                                           {"kv", options_.kv},
                                           {"compute", options_.compute},
                                           {"tensor_parallel", load.tensor_parallel}});
  }

  void answer_serving(const StepPricer& pricer, const MemoryModel& memory, const ServingLoad& load,
                      Report& report) const {
    const Accelerator& device = pricer.accelerator();
    ServingOptions options = options_.options();
    std::optional<EngineAnswer> engine;
    if (!options_.engine.empty()) {
      engine = engine_answer(profile_, options_.engine, pricer.architecture(), device, load);
      options.ttft_s = engine->ttft_s;
      options.tpot_s = engine->tpot_s;
      options.closed_loop = engine->closed_loop;
    }
    const ServingAnswer answer = serve(pricer, memory, load, options);
    add_serving_values(report.result, answer);
    report.headline = fmt::format(
        "{} on {} x {}, batch {}: first token after {} ({} to {}), then one every {} ({} to {}); {} tokens/s in all, "
        "bound by {}.",
        pricer.architecture().name, load.tensor_parallel, device.id, load.batch,
        format_duration_s(answer.ttft_s.central), format_duration_s(answer.ttft_s.low),
        format_duration_s(answer.ttft_s.high), format_duration_s(answer.tpot_s.central),
        format_duration_s(answer.tpot_s.low), format_duration_s(answer.tpot_s.high),
        format_number(answer.output_tokens_per_s.central, 3), name_of(answer.decode.bound));
    report.tables = {serving_table(answer), serving_memory_table(answer, load, device)};
    if (engine) {
      report.result["engine"] = options_.engine;
      report.result["basis"] = engine->basis;
      report.tables.front().note =
          options_.engine + ", " + engine->basis + "; 90 % ranges from groups of runs left out";
      for (const std::string& warning : engine->warnings) report.warnings.push_back(warning);
      report.assumptions.push_back({"engine", options_.engine, "", engine->basis});
      report.warnings.push_back("memory, energy and the tables of --explain are the closed form's, not the engine's");
    }
    report.explanation = {pass_table("The pass over the prompts", answer.prefill),
                          pass_table("A decode step, middle of the generation", answer.decode)};
    report.assumptions = serving_assumptions(load, answer);
    if (answer.usd_per_million_tokens)
      report.assumptions.push_back(
          {"usd_per_device_hour", options_.price ? *options_.price : *device.price_usd_per_hour, "USD/h",
           options_.price ? "--price" : device.price_source + " (" + device.price_confidence + ")"});
    else
      report.warnings.push_back(device.id +
                                " has no price in the catalogue: --price USD_PER_HOUR gives the price of a token");
    if (answer.joules_per_token)
      report.assumptions.push_back(
          {"energy", "accelerators only; host, idle capacity and PUE come on top", "", InferenceConstants{}.source});
    else
      report.warnings.push_back(device.id + " states no TDP: no energy per token");
    const auto stated = pricer.architecture().context_tokens;
    if (stated > 0 && load.last_context() > stated)
      report.warnings.push_back(fmt::format("prompt and generation need {} tokens, the model states a context of {}",
                                            load.last_context(), stated));
    if (answer.max_context >= longest_searched_context) report.warnings.push_back(no_context_limit);
    report.plots = serving_plots(pricer, memory, load, answer);
    report.plots.push_back(roofline_plot(pricer, load, answer));
    report.plots.push_back(cache_variants_plot(pricer.architecture(), load));
    if (!answer.fits)
      report.distrust = fmt::format("does not fit: {} needed, {} available on {} x {}; times hold only if it did",
                                    format_bytes(answer.memory.total()),
                                    format_bytes(static_cast<double>(load.tensor_parallel) * device.memory_bytes),
                                    load.tensor_parallel, device.id);
  }

  void answer_limit(const MemoryModel& memory, const ServingLoad& load, const Accelerator& device,
                    Report& report) const {
    const std::int64_t batch = memory.max_batch(load), context = memory.max_context(load);
    report.result["max_batch"] = batch;
    report.result["max_context"] = context_limit_value(context);
    report.result["max_context_limited_by_memory"] = context < longest_searched_context;
    const ServingMemory used = memory.memory(load);
    report.result["memory_bytes"] = Value::object({{"weights", used.weights},
                                                   {"kv_cache", used.kv_cache},
                                                   {"activations", used.activations},
                                                   {"other", used.other},
                                                   {"total", used.total()}});
    report.result["fits_in_memory"] = memory.fits(load);
    const std::string where = fmt::format("{} x {}", load.tensor_parallel, device.id);
    if (max_batch_)
      report.headline =
          fmt::format("The largest batch of {} + {} tokens on {} is {}.", load.prompt, load.generate, where, batch);
    if (max_context_)
      report.headline =
          context >= longest_searched_context
              ? fmt::format("The context at batch {} on {} is unbounded by the cache: every layer sees a window only.",
                            load.batch, where)
              : fmt::format("The longest context at batch {} on {} is {} tokens.", load.batch, where, context);
    ReportTable table{
        "Limits of memory", {{"quantity", "quantity", Align::Left}, {"value", "value", Align::Right, 12}}, {}, ""};
    table.rows = {{fmt::format("largest batch at {} + {} tokens", load.prompt, load.generate), batch},
                  {fmt::format("longest context at batch {}, tokens", load.batch),
                   context >= longest_searched_context ? TableCell(context_limit_text(context)) : TableCell(context)}};
    report.tables = {table};
    report.assumptions = serving_assumptions(load, {});
    if (context >= longest_searched_context) report.warnings.push_back(no_context_limit);
    if ((max_batch_ ? batch : context) == 0) report.distrust = "not even one sequence fits on " + where;
  }

  void answer_fits(const Architecture& architecture, const AcceleratorCatalogue& devices, const ServingLoad& load,
                   Report& report) const {
    ReportTable table{"Fewest devices that hold it",
                      {{"accelerator", "accelerator", Align::Left},
                       {"memory GB", "memory_gigabytes"},
                       {"devices", "devices"},
                       {"needed GB", "needed_gigabytes"},
                       {"USD/h", "usd_per_hour"}},
                      {},
                      ""};
    Value rows = Value::array();
    std::size_t holding = 0;
    for (const Accelerator& device : devices.all()) {
      const MemoryModel memory(architecture, device);
      const auto count = memory.devices_needed(load);
      ServingLoad at = load;
      at.tensor_parallel = count.value_or(1);
      const double needed = memory.memory(at).total();
      holding += count == 1;
      Value usd;
      TableCell usd_cell;
      if (count && device.price_usd_per_hour) {
        const double price = static_cast<double>(*count) * *device.price_usd_per_hour;
        usd = price;
        usd_cell = price;
      }
      table.rows.push_back(
          {device.id, device.memory_bytes / 1e9, count ? TableCell(*count) : TableCell(), needed / 1e9, usd_cell});
      rows.push_back(Value::object({{"accelerator", device.id}, {"devices", count}, {"memory_bytes_needed", needed},
                                    {"device_memory_bytes", device.memory_bytes}, {"usd_per_hour", usd}}));
    }
    std::stable_sort(table.rows.begin(), table.rows.end(), [](const auto& a, const auto& b) {
      const auto count = [](const TableCell& cell) {
        const auto* n = std::get_if<std::int64_t>(&cell);
        return n ? *n : std::numeric_limits<std::int64_t>::max();
      };
      return count(a[2]) < count(b[2]);
    });
    table.note =
        "tensor parallel sizes, which divide the query heads; whether a vendor sells that many together is not asked";
    report.result["fits"] = rows;
    report.headline = fmt::format("{} with {} weights at batch {} and {} tokens: {} of {} accelerators hold it alone.",
                                  architecture.name, options_.weights, load.batch, load.last_context(), holding,
                                  devices.all().size());
    report.tables = {table};
    report.assumptions = serving_assumptions(load, {});
  }

  void answer_formats(const StepPricer& pricer, const MemoryModel& memory, const ServingLoad& load,
                      Report& report) const {
    struct Choice {
      std::string weights, kv, compute;
      ServingAnswer answer;
    };
    std::vector<Choice> choices;
    for (const char* weights : {"bf16", "fp8", "int8", "int4"})
      for (const char* kv : {"bf16", "fp8"}) {
        ServingLoad at = load;
        at.weights = weight_format_named(weights);
        at.kv = cache_format_named(kv);
        at.arithmetic = Arithmetic::Bf16;
        choices.push_back({weights, kv, "bf16", serve(pricer, memory, at, options_.options())});
        if (at.weights == WeightFormat::Fp8 && pricer.accelerator().fp8_flop_per_s) {
          at.arithmetic = Arithmetic::Fp8;
          choices.push_back({weights, kv, "fp8", serve(pricer, memory, at, options_.options())});
        }
      }
    std::stable_sort(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
      return a.answer.fits != b.answer.fits
                 ? a.answer.fits
                 : a.answer.output_tokens_per_s.central > b.answer.output_tokens_per_s.central;
    });
    ReportTable table{"Storage formats, most output tokens/s first",
                      {{"weights", "weights", Align::Left},
                       {"cache", "kv", Align::Left},
                       {"compute", "compute", Align::Left},
                       {"fits", "fits_in_memory", Align::Left},
                       {"GB", "gigabytes"},
                       {"TTFT ms", "ttft_ms"},
                       {"TPOT ms", "tpot_ms"},
                       {"low", "tpot_low_ms"},
                       {"high", "tpot_high_ms"},
                       {"tokens/s", "output_tokens_per_s"},
                       {"max batch", "max_batch"}},
                      {},
                      "What a format costs in quality is not asked here."};
    Value rows = Value::array();
    for (const Choice& c : choices) {
      const ServingAnswer& a = c.answer;
      table.rows.push_back({c.weights, c.kv, c.compute, a.fits, a.memory.total() / 1e9, 1e3 * a.ttft_s.central,
                            1e3 * a.tpot_s.central, 1e3 * a.tpot_s.low, 1e3 * a.tpot_s.high,
                            a.output_tokens_per_s.central, a.max_batch});
      Value row = Value::object({{"weights", c.weights}, {"kv", c.kv}, {"compute", c.compute}});
      add_serving_values(row, a);
      rows.push_back(std::move(row));
    }
    report.result["formats"] = rows;
    const Choice& best = choices.front();
    if (best.answer.fits)
      report.headline =
          fmt::format("Fastest on {}: {} weights, {} cache, {} arithmetic at {} tokens/s.", pricer.accelerator().id,
                      best.weights, best.kv, best.compute, format_number(best.answer.output_tokens_per_s.central, 3));
    else
      report.distrust = "no format fits on " + std::to_string(load.tensor_parallel) + " x " + pricer.accelerator().id;
    report.tables = {table};
    report.assumptions = serving_assumptions(load, best.answer);
  }

  std::string model_;
  ServeOptions options_;
  RequestOptions requests_;
  EngineProfile profile_;
  bool max_batch_ = false, max_context_ = false, fits_ = false, best_format_ = false;
};

}  // namespace

std::unique_ptr<Command> make_serve() { return std::make_unique<ServeCommand>(); }

}  // namespace isoflop::app
