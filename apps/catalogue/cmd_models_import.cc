#include <fmt/format.h>

#include <algorithm>

#include "apps/catalogue/architecture_report.h"
#include "apps/catalogue/catalogue_report.h"
#include "apps/commands.h"
#include "apps/catalogue/tensor_file_report.h"
#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"
#include "isoflop/import/safetensors_index.h"
#include "isoflop/model/architecture_json.h"
#include "isoflop/model/hf_config.h"
#include "isoflop/model/parameters.h"
#include "isoflop/number_text.h"
#include "isoflop/sha256.h"

namespace isoflop::app {
namespace {

ReportTable layer_table(const Architecture& a) {
  ReportTable table{
      "Layers",
      {{"layers", "layers"}, {"attention", "attention", Align::Left}, {"feed-forward", "feed_forward", Align::Left}},
      {},
      ""};
  for (const LayerCount& some : distinct_layers(a)) {
    const Layer& l = some.layer;
    std::string feed;
    if (l.experts) {
      feed = fmt::format("{} of {} experts x {}", l.experts->per_token, l.experts->experts, l.experts->expert.width);
      if (l.experts->shared_width > 0) feed += fmt::format(", shared {}", l.experts->shared_width);
    }
    if (l.mlp)
      feed += fmt::format("{}{} {}", feed.empty() ? "" : ", beside ", l.mlp->gated ? "gated MLP" : "MLP", l.mlp->width);
    table.rows.push_back({some.count, describe(l.attention), feed});
  }
  return table;
}

class ModelsImport : public Command {
 public:
  std::string name() const override { return "models import"; }
  std::string summary() const override {
    return "Read a config.json, or the headers of safetensors or GGUF files: architecture, exact parameter count, "
           "formats.";
  }
  std::string examples() const override {
    return "isoflop models import config.json\n"
           "isoflop models import config.json --json > my-model.json\n"
           "isoflop train my-model.json --on h100-sxm-80gb --count 8 --tokens 20B\n"
           "isoflop models import model-0*.safetensors             what is stored, compared with the config.json "
           "beside it\n"
           "isoflop models import model.safetensors.index.json     all shards that the index names\n"
           "isoflop models import model-Q4_K_M.gguf --model llama-3-8b";
  }
  void declare(OptionSet& options) override {
    options.positionals("file", files_,
                        "config.json (- for standard input), or .safetensors or .gguf files of one model, or the "
                        ".safetensors.index.json of its shards");
    options.text("--name", name_, "what to call the model; default is the file's own name for it");
    options.text("--model", compared_, "weight files: the model or config.json to compare with");
    options.flag("--header-only", header_only_,
                 "weight files: accept files that end after the header, as fetched in part");
    options.whole("--context", length_, "tokens of the pass over which FLOP per token are averaged", 1, 10000000);
  }

  Report run(const Settings& settings) override {
    if (files_.size() == 1 && is_safetensors_index(files_.front())) return import_shards(settings);
    const auto weights = static_cast<std::size_t>(
        std::count_if(files_.begin(), files_.end(), [](const std::string& f) { return is_tensor_file(f); }));
    if (weights == files_.size()) return import_weights(settings);
    if (files_.size() > 1)
      throw Error(Fault::Usage,
                  "several files can only be the weight files (.safetensors, .gguf) of one model; an index of shards "
                  "stands alone");
    if (!compared_.empty() || header_only_)
      throw Error(Fault::Usage, "--model and --header-only go with weight files (.safetensors, .gguf)");
    return import_config(files_.front());
  }

 private:
  Report import_shards(const Settings& settings) const {
    const ShardedCheckpoint checkpoint = read_sharded_safetensors(files_.front(), header_only_);
    Report report = tensor_file_report(checkpoint.files, compared_, length_, settings);
    report.inputs.insert(report.inputs.begin(),
                         {files_.front(), checkpoint.index_sha256, checkpoint.files.size(), 0});
    if (!checkpoint.remark.empty()) report.warnings.push_back(checkpoint.remark);
    if (!name_.empty()) report.result["name"] = name_;
    return report;
  }

  Report import_weights(const Settings& settings) const {
    std::vector<TensorFile> files;
    for (const std::string& file : files_) files.push_back(read_tensor_file(file, header_only_));
    Report report = tensor_file_report(files, compared_, length_, settings);
    if (!name_.empty()) report.result["name"] = name_;
    return report;
  }

  Report import_config(const std::string& file) const {
    const std::string text = read_file(file);
    const std::string shown = file == "-" ? "standard input" : file;
    Architecture a = read_hf_config(text, shown);
    if (!name_.empty()) a.name = name_;
    Report report;
    report.result["name"] = a.name;
    report.result["architecture"] = to_value(a);
    report.tables.push_back(layer_table(a));
    add_architecture(report, a, length_);
    const ParameterCount count = count_parameters(a);
    report.headline = fmt::format(
        "{}: {} parameters ({}), {} active per token; compare with the count its owner publishes.", a.name, count.total,
        format_count(static_cast<double>(count.total)), format_count(static_cast<double>(count.active)));
    report.inputs.push_back({shown, sha256_hex(text), 1, 0});
    return report;
  }

  std::vector<std::string> files_;
  std::string name_, compared_;
  bool header_only_ = false;
  long length_ = 4096;
};

}  // namespace

std::unique_ptr<Command> make_models_import() { return std::make_unique<ModelsImport>(); }

}  // namespace isoflop::app
