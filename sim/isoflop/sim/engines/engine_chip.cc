#include "isoflop/sim/engines/engine_chip.h"

#include <algorithm>
#include <array>
#include <map>

namespace isoflop::sim {
namespace {

struct Sheet {
  const char* name;
  const char* id;
  double bandwidth_gb_per_s, tflop16, memory_gb;
};

// Memory bandwidth, dense fp16 tensor peak with fp16 sums and memory: NVIDIA GA102, AD102 and AD103 architecture papers
// and product pages of the professional boards; Apple's product pages (bandwidth) and fp32 peaks as widely quoted
// (unverified), which fp16 shares.
constexpr std::array<Sheet, 12> sheets = {{
    {"3070 8gb", "rtx-3070", 448, 81.3, 8},
    {"3080 10gb", "rtx-3080", 760, 119, 10},
    {"3080 ti 12gb", "rtx-3080-ti", 912, 136, 12},
    {"4070 ti 12gb", "rtx-4070-ti", 504, 160.4, 12},
    {"4080 16gb", "rtx-4080", 717, 195, 16},
    {"rtx 4000 ada 20gb", "rtx-4000-ada", 360, 214, 20},
    {"rtx 5000 ada 32gb", "rtx-5000-ada", 576, 261, 32},
    {"rtx 6000 ada 48gb", "rtx-6000-ada", 960, 364, 48},
    {"m1 7-core gpu 8gb", "apple-m1-7c", 68, 2.3, 8},
    {"apple-m2-16gb", "apple-m2-10c", 100, 3.6, 16},
    {"m2 max 38-core gpu 64gb", "apple-m2-max-38c", 400, 13.6, 64},
    {"4060 ti 16gb", "rtx-4060-ti", 288, 88, 16},
}};

// How benchmarks spell what the catalogue has.
const std::map<std::string, std::string>& spellings() {
  static const std::map<std::string, std::string> map = {
      {"3090 24gb", "rtx-3090"},
      {"4090 24gb", "rtx-4090"},
      {"rtx a6000 48gb", "rtx-a6000"},
      {"a40 48gb", "a40"},
      {"l40s 48gb", "l40s-48gb"},
      {"a100 pcie 80gb", "a100-pcie-80gb"},
      {"a100 sxm 80gb", "a100-sxm-80gb"},
      {"h100 pcie 80gb", "h100-pcie-80gb"},
      {"m1 max 32-core gpu 64gb", "apple-m1-max-32c"},
      {"m2 ultra 76-core gpu 192gb", "apple-m2-ultra-76c"},
      {"m3 max 40-core gpu 64gb", "apple-m3-max-40c"},
      {"apple-m4-max-64gb", "apple-m4-max-40c"},
      {"a100-sxm-80gb-330w", "a100-sxm-80gb"},
      {"a100-40gb", "a100-sxm-40gb"},
      {"iphone14-a16", "apple-a16"},
      {"h100_sxm", "h100-sxm-80gb"},
      {"h200_sxm", "h200-sxm-141gb"},
      {"b200_sxm", "b200-sxm-180gb"},
      {"b300_sxm", "b300-sxm-288gb"},
      {"a100_sxm", "a100-sxm-80gb"},
      {"l40s", "l40s-48gb"},
      {"gb200", "gb200-186gb"},
      {"gb300", "gb300-288gb"},
  };
  return map;
}

// MLPerf names systems; the chip is part of the name.
const std::array<std::pair<const char*, const char*>, 8> parts = {{{"gh200", "gh200-96gb"},
                                                                  {"h200", "h200-sxm-141gb"},
                                                                  {"h100_nvl", "h100-pcie-80gb"},
                                                                  {"h100", "h100-sxm-80gb"},
                                                                  {"b200", "b200-sxm-180gb"},
                                                                  {"mi300x", "mi300x"},
                                                                  {"mi325x", "mi325x"},
                                                                  {"l40s", "l40s-48gb"}}};

std::string normalised(const std::string& name) {
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i) {
    // U+2011, the hyphen that some tables use.
    if (name.compare(i, 3, "\xe2\x80\x91") == 0) {
      text += '-';
      i += 2;
      continue;
    }
    const char c = name[i];
    text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return text;
}

}  // namespace

EngineChip engine_chip(const Accelerator& a) {
  EngineChip chip;
  chip.id = a.id;
  chip.vendor = a.id.starts_with("apple") ? "apple" : a.id.starts_with("mi") ? "amd" : "nvidia";
  chip.bandwidth = a.bandwidth_bytes_per_s;
  const double geforce = a.id.starts_with("rtx-") ? 2 : 1;
  chip.peak16 = geforce * std::max(a.fp16_flop_per_s.value_or(0), a.bf16_flop_per_s.value_or(0));
  if (chip.peak16 == 0) chip.peak16 = a.fp32_flop_per_s.value_or(0);
  chip.peak8 = std::max(chip.peak16, a.fp8_flop_per_s.value_or(a.int8_op_per_s.value_or(0)));
  chip.peak4 = std::max(chip.peak8, a.fp4_flop_per_s.value_or(0));
  chip.memory = a.memory_bytes;
  chip.link = a.intra_node_bytes_per_s.value_or(32e9);
  chip.network = a.inter_node_bytes_per_s.value_or(25e9);
  return chip;
}

std::optional<EngineChip> engine_chip_named(const std::string& name, const AcceleratorCatalogue& catalogue) {
  const std::string key = normalised(name);
  for (const Sheet& sheet : sheets)
    if (key == sheet.name || key == sheet.id) {
      EngineChip chip;
      chip.id = sheet.id;
      chip.vendor = std::string_view(sheet.id).starts_with("apple") ? "apple" : "nvidia";
      chip.bandwidth = sheet.bandwidth_gb_per_s * 1e9;
      chip.peak16 = chip.peak8 = chip.peak4 = sheet.tflop16 * 1e12;
      chip.memory = sheet.memory_gb * 1e9;
      chip.link = 32e9;
      chip.network = 25e9;
      return chip;
    }
  if (const auto found = spellings().find(key); found != spellings().end())
    return engine_chip(catalogue.require(found->second));
  if (const Accelerator* accelerator = catalogue.find(key)) return engine_chip(*accelerator);
  if (key.find('/') != std::string::npos)
    for (const auto& [part, id] : parts)
      if (key.find(part) != std::string::npos) return engine_chip(catalogue.require(id));
  return std::nullopt;
}

}  // namespace isoflop::sim
