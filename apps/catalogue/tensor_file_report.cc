#include "apps/catalogue/tensor_file_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "apps/catalogue/architecture_report.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/error.h"
#include "isoflop/model/architecture_json.h"
#include "isoflop/model/parameters.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

constexpr std::size_t most_groups_for_people = 40;
constexpr double tolerated_difference = 0.01;  // tables of angles, padding, quantisation data under unusual names

struct FormatSum {
  std::int64_t tensors = 0, elements = 0, bytes = 0;
};

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}

bool exists(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file) std::fclose(file);
  return file != nullptr;
}

std::string metadata(const TensorFile& file, const std::string& key) {
  for (const auto& [name, value] : file.metadata)
    if (name == key) return value;
  return "";
}

/// What the weights may be compared with, and how it was chosen.
struct Comparison {
  std::optional<NamedArchitecture> model;
  std::string how, warning;
};

Comparison find_comparison(const std::vector<TensorFile>& files, const std::string& compared,
                           const Settings& settings) {
  Comparison c;
  if (!compared.empty()) {
    c.model = named_architecture(compared, settings.data);
    c.how = "--model";
    return c;
  }
  const std::string& path = files.front().name;
  const auto slash = path.rfind('/');
  const std::string config = (slash == std::string::npos ? "" : path.substr(0, slash + 1)) + "config.json";
  try {
    if (exists(config)) {
      c.model = named_architecture(config, settings.data);
      c.how = config;
      return c;
    }
    const auto catalogue = ModelCatalogue::load(settings.data);
    for (const char* key : {"general.name", "general.basename", "general.base_model.0.name"})
      if (const std::string name = metadata(files.front(), key); !name.empty())
        if (const ModelRecord* record = catalogue.find(name)) {
          c.model = named_architecture(record->id, settings.data);
          c.how = fmt::format("{} = \"{}\"", key, name);
          return c;
        }
  } catch (const Error& problem) {
    c.warning = fmt::format("not compared with an architecture: {}", problem.what());
  }
  return c;
}

void compare(Report& report, const Comparison& c, std::int64_t stored, bool asked, long context) {
  const Architecture& a = c.model->architecture;
  const std::int64_t expected = count_parameters(a).total;
  const std::int64_t difference = stored - expected;
  const double share = static_cast<double>(difference) / static_cast<double>(expected);
  Report facts;
  add_architecture(facts, a, context);
  report.result["architecture"] = to_value(a);
  report.result["compared"] = Value::object(
      {{"model", a.name}, {"by", c.how}, {"params_total", expected}, {"difference", difference}, {"share", share}});
  for (const char* key : {"params_active", "params_active_without_embedding", "kv_bytes_per_token",
                          "flops_per_token_forward", "flops_context_tokens"})
    if (const Value* value = facts.result.find(key)) report.result[key] = *value;
  report.inputs.push_back({c.model->origin.path, c.model->origin.sha256, 1, 0});
  report.headline += difference == 0 ? fmt::format(" Exactly those of {}.", a.name)
                                     : fmt::format(" {} {} than the {} of {} ({:+.3f} %).", std::abs(difference),
                                                   difference > 0 ? "more" : "fewer", expected, a.name, 100 * share);
  if (std::fabs(share) <= tolerated_difference) return;
  const std::string problem = fmt::format("the files hold {} parameters, {} has {}", stored, a.name, expected);
  if (asked) report.distrust = problem + ": other weights, or not all shards were given";
  else report.warnings.push_back(problem + ": other weights, or not all shards were given");
}

}  // namespace

Report tensor_file_report(const std::vector<TensorFile>& files, const std::string& compared, long context,
                          const Settings& settings) {
  Report report;
  std::int64_t params = 0, other = 0, bytes = 0, tensors = 0;
  std::map<std::string, FormatSum> formats;
  for (const TensorFile& file : files) {
    params += file.parameters();
    other += file.other_elements();
    bytes += file.tensor_bytes();
    tensors += static_cast<std::int64_t>(file.tensors.size());
    for (const StoredTensor& t : file.tensors) {
      FormatSum& f = formats[t.format];
      ++f.tensors, f.elements += t.elements, f.bytes += t.bytes;
    }
    report.inputs.push_back({file.name + " (header)", file.header_sha256, file.tensors.size(), 0});
  }
  const std::string name = files.size() == 1 ? files.front().name : fmt::format("{} files", files.size());
  report.headline =
      fmt::format("{}: {} parameters ({}) in {} tensors, {}.", name, params, format_count(static_cast<double>(params)),
                  tensors, format_bytes(static_cast<double>(bytes)));
  Value& r = report.result;
  r["name"] = name;
  r["kind"] = files.front().kind;
  r["params_total"] = params;
  r["other_elements"] = other;
  r["tensors"] = tensors;
  r["tensor_bytes"] = bytes;
  r["bits_per_param"] = params > 0 ? Value(8 * static_cast<double>(bytes) / static_cast<double>(params)) : Value();

  ReportTable by_format{"Formats",
                        {{"format", "format", Align::Left},
                         {"tensors", "tensors"},
                         {"elements", "elements", Align::Right, 15},
                         {"bytes", "bytes", Align::Right, 15},
                         {"bits per element", "bits_per_element", Align::Right, 4}},
                        {},
                        ""};
  Value format_values = Value::array();
  for (const auto& [format, f] : formats) {
    const double bits = f.elements > 0 ? 8 * static_cast<double>(f.bytes) / static_cast<double>(f.elements) : 0;
    by_format.rows.push_back({format, f.tensors, f.elements, f.bytes, bits});
    format_values.push_back(
        Value::object({{"format", format}, {"tensors", f.tensors}, {"elements", f.elements}, {"bytes", f.bytes}}));
  }
  r["by_format"] = std::move(format_values);
  if (other > 0)
    report.warnings.push_back(
        fmt::format("{} elements are not counted as parameters: whole numbers (packed weights among them), scales and "
                    "other data of quantisation",
                    other));

  ReportTable groups{"Tensors, layers and experts together",
                     {{"tensor", "tensor", Align::Left},
                      {"format", "format", Align::Left},
                      {"shape", "shape", Align::Left},
                      {"count", "count"},
                      {"elements", "elements", Align::Right, 15},
                      {"bytes", "bytes", Align::Right, 15},
                      {"parameters", "is_parameter", Align::Left}},
                     {},
                     ""};
  Value group_values = Value::array();
  const auto all = tensor_groups(files);
  for (const TensorGroup& g : all) {
    if (groups.rows.size() < most_groups_for_people)
      groups.rows.push_back({g.pattern, g.format, shape_text(g.shape), g.count, g.elements, g.bytes, g.is_parameter});
    Value shape = Value::array();
    for (const std::int64_t size : g.shape) shape.push_back(size);
    group_values.push_back(Value::object({{"tensor", g.pattern},
                                          {"format", g.format},
                                          {"shape", shape},
                                          {"count", g.count},
                                          {"elements", g.elements},
                                          {"bytes", g.bytes},
                                          {"is_parameter", g.is_parameter}}));
  }
  if (all.size() > most_groups_for_people)
    groups.note = fmt::format("{} further groups: --json; every tensor: --csv", all.size() - most_groups_for_people);
  r["groups"] = std::move(group_values);
  Value facts = Value::object();
  for (const auto& [key, value] : files.front().metadata) facts[key] = value;
  r["metadata"] = std::move(facts);

  ReportTable every{"",
                    {{"file", "file", Align::Left},
                     {"tensor", "tensor", Align::Left},
                     {"format", "format", Align::Left},
                     {"shape", "shape", Align::Left},
                     {"elements", "elements"},
                     {"bytes", "bytes"},
                     {"offset", "offset"},
                     {"is_parameter", "is_parameter", Align::Left}},
                    {},
                    ""};
  for (const TensorFile& file : files)
    for (const StoredTensor& t : file.tensors)
      every.rows.push_back(
          {file.name, t.name, t.format, shape_text(t.shape), t.elements, t.bytes, t.offset, t.is_parameter});
  report.data_table = std::move(every);
  report.tables = {std::move(by_format), std::move(groups)};

  const Comparison c = find_comparison(files, compared, settings);
  if (c.model) compare(report, c, params, !compared.empty(), context);
  else
    report.warnings.push_back(
        c.warning.empty() ? "not compared with an architecture: no config.json stands beside it; name one with --model"
                          : c.warning);
  return report;
}

}  // namespace isoflop::app
