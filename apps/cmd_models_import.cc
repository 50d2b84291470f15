#include <fmt/format.h>

#include "apps/architecture_report.h"
#include "apps/catalogue_report.h"
#include "apps/commands.h"
#include "isoflop/catalogue/csv_table.h"
#include "isoflop/model/architecture_json.h"
#include "isoflop/model/hf_config.h"
#include "isoflop/model/parameters.h"
#include "isoflop/number_text.h"
#include "isoflop/sha256.h"

namespace isoflop::app {
namespace {

ReportTable layer_table(const Architecture& a) {
  ReportTable table{"Layers", {{"layers", "layers"}, {"attention", "attention", Align::Left}, {"feed-forward", "feed_forward", Align::Left}}, {}, ""};
  for (const LayerCount& some : distinct_layers(a)) {
    const Layer& l = some.layer;
    std::string feed;
    if (l.experts) {
      feed = fmt::format("{} of {} experts x {}", l.experts->per_token, l.experts->experts, l.experts->expert.width);
      if (l.experts->shared_width > 0) feed += fmt::format(", shared {}", l.experts->shared_width);
    }
    if (l.mlp) feed += fmt::format("{}{} {}", feed.empty() ? "" : ", beside ", l.mlp->gated ? "gated MLP" : "MLP", l.mlp->width);
    table.rows.push_back({some.count, describe(l.attention), feed});
  }
  return table;
}

class ModelsImport : public Command {
 public:
  std::string name() const override { return "models import"; }
  std::string summary() const override {
    return "Read a Hugging Face config.json into an architecture, with its exact parameter count; unknown model types are refused.";
  }
  std::string examples() const override {
    return "isoflop models import config.json\n"
           "isoflop models import config.json --json > my-model.json\n"
           "isoflop train my-model.json --on h100-sxm-80gb --count 8 --tokens 20B";
  }
  void declare(OptionSet& options) override {
    options.positional("file", file_, "config.json of the model, or - for standard input");
    options.text("--name", name_, "what to call the model; default is the file's own name for it");
    options.whole("--context", length_, "tokens of the pass over which FLOP per token are averaged", 1, 10000000);
  }

  Report run(const Settings&) override {
    const std::string text = read_file(file_);
    const std::string shown = file_ == "-" ? "standard input" : file_;
    Architecture a = read_hf_config(text, shown);
    if (!name_.empty()) a.name = name_;
    Report report;
    report.result["name"] = a.name;
    report.result["architecture"] = to_value(a);
    report.tables.push_back(layer_table(a));
    add_architecture(report, a, length_);
    const ParameterCount count = count_parameters(a);
    report.headline = fmt::format("{}: {} parameters ({}), {} active per token; compare with the count its owner publishes.", a.name,
                                  count.total, format_count(static_cast<double>(count.total)), format_count(static_cast<double>(count.active)));
    report.inputs.push_back({shown, sha256_hex(text), 1, 0});
    return report;
  }

 private:
  std::string file_, name_;
  long length_ = 4096;
};

}  // namespace

std::unique_ptr<Command> make_models_import() { return std::make_unique<ModelsImport>(); }

}  // namespace isoflop::app
