#include "isoflop/catalogue/named_architecture.h"

#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/error.h"
#include "isoflop/model/architecture_json.h"
#include "isoflop/model/hf_config.h"
#include "isoflop/sha256.h"

namespace isoflop {

NamedArchitecture named_architecture(const std::string& name, const DataFolder& folder) {
  NamedArchitecture result;
  const bool is_file = name == "-" || (name.size() > 5 && name.substr(name.size() - 5) == ".json");
  if (!is_file) {
    const ModelCatalogue models = ModelCatalogue::load(folder);
    result.record = models.require(name);
    result.architecture = architecture_of(*result.record);
    result.source = result.record->architecture_source;
    result.origin = models.origin();
    result.origin.rows = 1;
    return result;
  }
  const std::string text = read_file(name);
  const std::string shown = name == "-" ? "standard input" : name;
  result.origin = {shown, sha256_hex(text), 1};
  result.source = shown;
  const Value root = parse_json(text, shown);
  if (root.is_object() && root.find("result") && root.at("result").find("architecture"))
    result.architecture = architecture_from(root.at("result").at("architecture"), shown);
  else if (root.is_object() && root.find("layers") && root.at("layers").is_array() && root.find("width"))
    result.architecture = architecture_from(root, shown);
  else
    result.architecture = read_hf_config(text, shown);
  return result;
}

}  // namespace isoflop
