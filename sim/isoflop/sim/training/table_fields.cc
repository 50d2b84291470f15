#include "isoflop/sim/training/table_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace isoflop::sim {

ExtraFields parse_extra(std::string_view text) {
  ExtraFields fields;
  std::string part;
  for (const char c : std::string(text) + ";") {
    if (c != ';') {
      part += c;
      continue;
    }
    const auto first = part.find_first_not_of(' ');
    const auto equals = part.find('=');
    if (equals != std::string::npos && first != std::string::npos)
      fields[part.substr(first, equals - first)] = part.substr(equals + 1);
    part.clear();
  }
  return fields;
}

double number_in(const ExtraFields& fields, const std::string& key) {
  const auto found = fields.find(key);
  if (found == fields.end()) return 0;
  std::string_view text = found->second;
  text.remove_prefix(std::min(text.find_first_not_of(" +"), text.size()));
  double value = 0;  // of the number at the front; stod would read it by the locale
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string word_in(const ExtraFields& fields, const std::string& key) {
  const auto found = fields.find(key);
  return found == fields.end() ? "" : found->second;
}

bool is_memory_metric(const std::string& metric) {
  for (const char* name : {"peak_memory", "peak_mem", "peak_memory_per_device", "gpu_mem_used", "gpu_memory", "memory",
                           "peak_memory_allocated", "peak_memory_reserved", "max_memory_allocated",
                           "max_memory_reserved"})
    if (metric == name) return true;
  return false;
}

double bytes_of_unit(const std::string& unit) {
  static const std::map<std::string, double> units = {{"GB", 1e9}, {"GiB", 1073741824.0}, {"MB", 1e6},
                                                      {"MiB", 1048576.0}, {"B", 1}, {"bytes", 1}};
  const auto found = units.find(unit);
  if (found == units.end())
    throw TableRefusal{fmt::format("unit \"{}\" of a memory is not one of GB, GiB, MB, MiB, B", unit)};
  return found->second;
}

std::string accelerator_id(const std::string& hardware) {
  static const std::map<std::string, std::string> names = {
      {"h100_80gb", "h100-sxm-80gb"}, {"a100_80gb", "a100-sxm-80gb"}, {"a100_40gb", "a100-sxm-40gb"},
      {"h100-sxm", "h100-sxm-80gb"},  {"h800-sxm", "h800-sxm-80gb"},  {"h200-sxm", "h200-sxm-141gb"},
      {"b200-sxm", "b200-sxm-180gb"}, {"DGX-H100", "h100-sxm-80gb"},  {"DGX-B200", "b200-sxm-180gb"},
      {"DGX-B300", "b300-sxm-288gb"}, {"DGX-GB200", "gb200-186gb"},   {"DGX-GB300", "gb300-288gb"},
      {"v100", "v100-sxm2-32gb"}};
  const auto found = names.find(hardware);
  return found == names.end() ? hardware : found->second;
}

TrainingPrecision training_precision_of(const std::string& word) {
  if (word == "FP8" || word == "MXFP8" || word == "fp8" || word == "amp_fp8") return TrainingPrecision::Fp8;
  if (word == "int8-aqt") return TrainingPrecision::Int8;
  if (word == "NVFP4") return TrainingPrecision::Fp4;
  if (word == "fp16") return TrainingPrecision::Fp16;
  return TrainingPrecision::Bf16;
}

bool is_fine_tuning(const ExtraFields& extra) {
  const std::string purpose = word_in(extra, "purpose");
  if (!purpose.empty() && purpose != "fine-tuning" && purpose != "pre-training")
    throw TableRefusal{fmt::format("purpose \"{}\" in column extra is not known", purpose)};
  return purpose == "fine-tuning";
}

MemoryCount read_program(const ExtraFields& extra, const std::string& metric, const std::string& sharding,
                         TrainingRun& run, std::vector<std::string>& assumed) {
  TrainingProgram& p = run.program;
  MemoryCount count = MemoryCount::Reserved;
  const auto choose = [&](const std::string& key, const auto& named, auto& to) {
    const std::string word = word_in(extra, key);
    if (word.empty()) return;
    const auto value = named(word);
    if (!value) throw TableRefusal{fmt::format("{} \"{}\" in column extra is not known", key, word)};
    to = *value;
  };
  choose("states", state_format_named, p.states);
  choose("loss", loss_kind_named, p.loss);
  if (metric.ends_with("_allocated")) count = MemoryCount::Allocated;
  else if (!metric.ends_with("_reserved") && word_in(extra, "counts").empty())
    assumed.push_back("what PyTorch's allocator reserved, where a row does not say what its figure counts");
  choose("counts", memory_count_named, count);
  p.flash_attention = word_in(extra, "attention") != "eager";
  if (word_in(extra, "allocator") == "static") p.allocator = AllocatorKind::Static;
  else if (word_in(extra, "lengths") == "uneven") p.allocator = AllocatorKind::CachingUneven;
  p.dropout = word_in(extra, "dropout") == "yes";
  p.fused_elementwise = word_in(extra, "elementwise") != "plain";
  const std::string gradients = word_in(extra, "gradients"), update = word_in(extra, "update");
  const bool torch_fsdp =
      sharding.rfind("FSDP", 0) == 0 || sharding == "FULL_SHARD" || sharding == "SHARD_GRAD_OP";
  p.gradients_kept = gradients.empty() ? !torch_fsdp : gradients == "kept";
  p.gradients_applied = gradients == "applied";
  p.sixteen_bit_shards = sharding == "ZeRO-3";
  p.gathers_ahead = word_in(extra, "gathered") == "all";
  if (p.states == StateFormat::SixteenBit || p.states == StateFormat::EightBit) run.gradient_bytes = 2;
  if (const double bytes = number_in(extra, "gradient_bytes"); bytes > 0) run.gradient_bytes = bytes;
  if (update == "foreach") p.update_bytes = p.moment_bytes() / 2;
  else if (update == "float-gradients") p.update_bytes = 4;
  run.layout.cpu_optimizer = word_in(extra, "optimizer") == "host";
  return count;
}

}  // namespace isoflop::sim
