#include <algorithm>

#include "apps/catalogue/catalogue_report.h"
#include "apps/commands.h"
#include "isoflop/error.h"
#include "isoflop/hardware/accelerator.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

TableCell scaled(const std::optional<double>& value, double unit) {
  return value ? TableCell(*value / unit) : TableCell();
}

class AcceleratorsList : public Command {
 public:
  std::string name() const override { return "accelerators list"; }
  std::string summary() const override {
    return "List the accelerators of the catalogue with dense peaks, memory and links.";
  }
  std::string examples() const override {
    return "isoflop accelerators list\nisoflop accelerators list --vendor NVIDIA --sort peak\nisoflop accelerators "
           "list --csv";
  }
  void declare(OptionSet& options) override {
    options.list("--vendor", vendors_, "only these vendors");
    options.choice("--sort", sort_, {"catalogue", "name", "peak", "memory", "bandwidth", "price"},
                   "peak is dense bf16; largest first, unknown last");
  }

  Report run(const Settings& settings) override {
    const auto devices = AcceleratorCatalogue::load(settings.data);
    std::vector<const Accelerator*> listed;
    for (const auto& device : devices.all())
      if (vendors_.empty() || std::any_of(vendors_.begin(), vendors_.end(), [&](const std::string& v) {
            return comparable_name(v) == comparable_name(device.vendor);
          }))
        listed.push_back(&device);
    if (listed.empty()) {
      std::vector<std::string> known;
      for (const auto& device : devices.all())
        if (std::find(known.begin(), known.end(), device.vendor) == known.end()) known.push_back(device.vendor);
      throw unknown_name("vendor", vendors_.front(), known);
    }
    order(listed);
    Report report;
    report.headline = std::to_string(listed.size()) + " accelerators; peaks are dense and per device.";
    report.tables.push_back(table_of(listed));
    report.result["n"] = listed.size();
    report.result["accelerators"] = Value::array();
    for (const auto* a : listed)
      report.result["accelerators"].push_back(
          Value::object({{"id", a->id},
                         {"name", a->name},
                         {"vendor", a->vendor},
                         {"year", a->year},
                         {"bf16_flop_per_s", a->bf16_flop_per_s},
                         {"fp8_flop_per_s", a->fp8_flop_per_s},
                         {"memory_bytes", a->memory_bytes},
                         {"bandwidth_bytes_per_s", a->bandwidth_bytes_per_s},
                         {"tdp_w", a->tdp_w},
                         {"intra_node_bytes_per_s_per_direction", a->intra_node_bytes_per_s},
                         {"price_usd_per_hour", a->price_usd_per_hour},
                         {"confidence", a->confidence}}));
    report.inputs.push_back(input_of(devices.origin(), devices.all().size()));
    return report;
  }

 private:
  void order(std::vector<const Accelerator*>& listed) const {
    if (sort_ == "catalogue") return;
    const auto key = [this](const Accelerator& a) {
      if (sort_ == "peak") return a.bf16_flop_per_s.value_or(-1);
      if (sort_ == "memory") return a.memory_bytes;
      if (sort_ == "bandwidth") return a.bandwidth_bytes_per_s;
      return a.price_usd_per_hour.value_or(-1);
    };
    std::stable_sort(listed.begin(), listed.end(), [&](const Accelerator* a, const Accelerator* b) {
      return sort_ == "name" ? a->id < b->id : key(*a) > key(*b);
    });
  }

  static ReportTable table_of(const std::vector<const Accelerator*>& listed) {
    ReportTable table;
    table.columns = {{"accelerator", "id", Align::Left},
                     {"vendor", "vendor", Align::Left},
                     {"year", "year"},
                     {"bf16 TFLOP/s", "bf16_tflop_per_s"},
                     {"fp8 TFLOP/s", "fp8_tflop_per_s"},
                     {"memory GB", "memory_gb"},
                     {"GB/s", "memory_bandwidth_gb_per_s"},
                     {"TDP W", "tdp_w"},
                     {"link GB/s", "intra_node_link_gb_per_s_per_direction"},
                     {"USD/h", "price_usd_per_hour"},
                     {"confidence", "confidence", Align::Left}};
    for (const auto* a : listed)
      table.rows.push_back({a->id, a->vendor, a->year ? TableCell(*a->year) : TableCell(),
                            scaled(a->bf16_flop_per_s, 1e12), scaled(a->fp8_flop_per_s, 1e12), a->memory_bytes / 1e9,
                            a->bandwidth_bytes_per_s / 1e9, scaled(a->tdp_w, 1), scaled(a->intra_node_bytes_per_s, 1e9),
                            scaled(a->price_usd_per_hour, 1), a->confidence});
    table.note = "link: within the node, one direction, all links of the device together except TPUs (one link).";
    return table;
  }

  std::vector<std::string> vendors_;
  std::string sort_ = "catalogue";
};

class AcceleratorsShow : public Command {
 public:
  std::string name() const override { return "accelerators show"; }
  std::string summary() const override { return "Show one accelerator with the source of every value."; }
  std::string examples() const override {
    return "isoflop accelerators show h100-sxm-80gb\nisoflop accelerators show mi300x --json";
  }
  void declare(OptionSet& options) override {
    options.positional("accelerator", wanted_, "id, printed name or alias of the accelerator");
  }

  Report run(const Settings& settings) override {
    const auto devices = AcceleratorCatalogue::load(settings.data);
    const Accelerator& a = devices.require(wanted_);
    FactSheet sheet;
    sheet.source(a.source, a.confidence);
    sheet.text("vendor", "vendor", a.vendor);
    sheet.count("year", "year", a.year);
    for (const NumberFormat format : all_number_formats) {
      const std::string word(name_of(format));
      const bool whole = format == NumberFormat::Int8;
      const auto peak = a.peak_flop_per_s(format);
      sheet.number(word + " peak, dense", word + (whole ? "_op_per_s" : "_flop_per_s"), peak,
                   whole ? "op/s" : "FLOP/s");
    }
    sheet.number("memory", "memory_bytes", a.memory_bytes, "bytes");
    sheet.text("memory type", "memory_type", a.memory_type);
    sheet.number("memory bandwidth", "bandwidth_bytes_per_s", a.bandwidth_bytes_per_s, "bytes/s");
    sheet.number("thermal design power", "tdp_w", a.tdp_w, "W");
    sheet.number(a.intra_node_is_per_device ? "links within the node, all of the device, one direction"
                                            : "link within the node, one of several, one direction",
                 "intra_node_bytes_per_s_per_direction", a.intra_node_bytes_per_s, "bytes/s");
    if (!a.intra_node_remark.empty()) sheet.text("links, remark", "intra_node_remark", a.intra_node_remark);
    sheet.number("link between nodes, one direction", "inter_node_bytes_per_s_per_direction", a.inter_node_bytes_per_s,
                 "bytes/s");
    sheet.count("multiprocessors", "multiprocessors", a.multiprocessors);
    sheet.source(a.measured_source, "verified");
    sheet.number("measured bf16 matmul", "measured_bf16_matmul_flop_per_s", a.measured_bf16_matmul_flop_per_s,
                 "FLOP/s");
    sheet.source(a.price_source, a.price_confidence);
    sheet.number("price", "price_usd_per_hour", a.price_usd_per_hour, "USD/h");

    Report report;
    report.headline = a.name + " (" + a.vendor + (a.year ? ", " + std::to_string(*a.year) : "") +
                      "): " + (a.bf16_flop_per_s ? format_si(*a.bf16_flop_per_s, "FLOP/s") + " bf16 dense, " : "") +
                      format_bytes(a.memory_bytes) + " at " + format_bytes(a.bandwidth_bytes_per_s) + "/s.";
    report.result["id"] = a.id;
    report.result["name"] = a.name;
    report.result["aliases"] = a.aliases;
    report.result["facts"] = sheet.values();
    report.result["intra_node_is_per_device"] = a.intra_node_is_per_device;
    report.result["sources"] = sheet.sources();
    report.tables.push_back(sheet.table("Facts"));
    if (a.measured_bf16_matmul_flop_per_s && a.bf16_flop_per_s)
      report.warnings.push_back("The best measured bf16 matmul reaches " +
                                format_number(100 * *a.measured_bf16_matmul_flop_per_s / *a.bf16_flop_per_s, 2) +
                                " % of the stated peak; between vendors that share differs by up to 1.9x.");
    if (!a.unverified_fields.empty()) report.warnings.push_back("Unverified: " + a.unverified_fields + ".");
    if (!a.note.empty()) report.warnings.push_back(a.note);
    report.inputs.push_back(input_of(devices.origin(), 1));
    return report;
  }

 private:
  std::string wanted_;
};

}  // namespace

std::unique_ptr<Command> make_accelerators_list() { return std::make_unique<AcceleratorsList>(); }
std::unique_ptr<Command> make_accelerators_show() { return std::make_unique<AcceleratorsShow>(); }

}  // namespace isoflop::app
