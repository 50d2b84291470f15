#include "isoflop/sim/engines/inference_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/catalogue/models.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/engines/engine_chip.h"
#include "isoflop/sim/engines/served_model.h"

namespace isoflop::sim {
namespace {

// OpenOrca requests of MLPerf inference 4.1: mean prompt 158 (assumed) and mean answer 294.45 tokens for Llama-2-70B,
// 145 tokens for Mixtral's mixed set (assumed).
constexpr double offline_prompt = 158, offline_answer_llama = 294.45, offline_answer_mixtral = 145;

struct Columns {
  explicit Columns(const CsvTable& table) : t(table) {}
  const CsvTable& t;
  std::string text(std::size_t row, const char* name) const {
    const auto column = t.find_column(name);
    return column ? std::string(t.text(row, *column)) : std::string();
  }
  std::optional<double> number(std::size_t row, const char* name) const {
    const std::string cell = text(row, name);
    if (cell.empty()) return std::nullopt;
    return parse_plain_number(cell);
  }
};

std::string engine_of(const std::string& word) {
  std::string key;
  for (const char c : word) key += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const char* name : {"fastertransformer", "gpt-fast", "llama.cpp", "mlx", "litgpt", "llama2.c"})
    if (key.find(name) != std::string::npos) return name;
  if (key.find("submitter") != std::string::npos) return "mlperf";
  if (key.find("on-device") != std::string::npos) return "llama.cpp";
  return key;
}

// After "pp=" in the remarks.
double stages_of(const std::string& extra) {
  const std::size_t at = extra.find("pp=");
  if (at == std::string::npos) return 1;
  const auto value = parse_plain_number(extra.substr(at + 3, extra.find_first_of(" ;,", at) - at - 3));
  return value.value_or(1);
}

struct Reader {
  const CsvTable& table;
  ModelCatalogue models;
  AcceleratorCatalogue accelerators;
  std::map<std::string, ServedModel> known = {};
  EngineSamples result = {};

  const ServedModel& model(const std::string& name) {
    auto found = known.find(name);
    if (found == known.end()) found = known.emplace(name, served_model_named(name, models)).first;
    return found->second;
  }

  void assume(const std::string& what) { ++result.assumed[what]; }

  // Throws a reason (Error) when the row cannot be used.
  EngineSample read(std::size_t row) {
    const Columns c(table);
    EngineSample s;
    s.row_id = c.text(row, "row_id");
    s.group = c.text(row, "group");
    s.metric = c.text(row, "metric");
    s.model = c.text(row, "model");
    if (c.text(row, "quality").starts_with("suspect"))
      throw Error(Fault::BadInput, "doubted by its source: " + c.text(row, "quality"));
    const std::string engine = engine_of(c.text(row, "engine")), format = c.text(row, "weight_dtype");
    s.lower_bound = c.text(row, "extra").find("lower bound") != std::string::npos;
    s.stated = table.required_number(row, table.column("value"));
    if (!(s.stated > 0)) throw Error(Fault::BadInput, "the value is not positive");
    const auto chip = engine_chip_named(c.text(row, "hardware"), accelerators);
    if (!chip) throw Error(Fault::BadInput, "the device is not identified");
    const ServedModel& m = model(s.model);
    if (engine == "mlperf") {
      offline(s, m, *chip, c.number(row, "n_devices").value_or(8));
      return s;
    }
    const auto bits = stored_weight_bits(format);
    if (!bits) throw Error(Fault::BadInput, "weight format \"" + format + "\" is unknown");
    s.weight_bits = *bits;
    const double devices = c.number(row, "n_devices").value_or(1);
    s.tensor_parallel = c.number(row, "tp").value_or(1);
    if (engine == "fastertransformer") {
      s.layer_splits = stages_of(c.text(row, "extra"));
      s.nodes = std::ceil(devices / 8);
    } else {
      s.layer_splits = std::max(1.0, devices / s.tensor_parallel);
    }
    s.batch = c.number(row, "batch").value_or(1);
    s.prompt = c.number(row, "prompt_len").value_or(0);
    s.generate = c.number(row, "gen_len").value_or(0);
    if (s.metric == "decode_tps" && s.generate <= 0) {
      s.generate = 128;
      assume("128 tokens generated from an empty context");
    }
    if (!(s.batch >= 1 && s.tensor_parallel >= 1 && s.layer_splits >= 1 && devices >= 1 && s.prompt >= 0 &&
          s.generate >= 0))
      throw Error(Fault::BadInput, "batch, devices or lengths are below their least values");
    fill_request(s, m, *chip);
    if (s.metric == "decode_tps") {
      s.law = "decode";
      s.is_rate = true;
      s.scale = 1;
    } else if (s.metric == "achieved_mem_bw") {
      s.law = "decode";
      s.is_rate = true;
      // What this engine counts: each device's share of the layers and a copy of both embeddings, GB.
      s.scale = (s.body_bytes / s.tensor_parallel + s.head_bytes +
                 (s.tensor_parallel > 1 ? m.embedding_weights * s.weight_bits / 8 : 0)) /
                1e9;
    } else if (s.metric == "prefill_tps") {
      if (!(s.prompt > 0)) throw Error(Fault::BadInput, "prompt_len is not stated");
      s.law = "prefill";
      s.is_rate = true;
      s.scale = s.prompt * s.batch;
    } else if (s.metric == "total_latency") {
      if (!(s.prompt > 0 && s.generate > 0)) throw Error(Fault::BadInput, "prompt_len or gen_len is not stated");
      s.law = "latency";
      s.scale = 1e-3;
    } else if (s.metric == "gpu_mem_used" || s.metric == "peak_mem") {
      s.law = "memory";
      s.scale = 1e9;
    } else {
      throw Error(Fault::BadInput, "metric " + s.metric + " is not predicted");
    }
    set_request_floor(s);
    s.cells = {"any", engine, engine + "/" + chip->vendor, engine + "/" + chip->id};
    if (s.law == "memory") s.cells = {"any", engine};
    s.category = s.law + ", " + (engine == "llama.cpp" || engine == "mlx" ? engine + " on " + chip->id : engine);
    return s;
  }

  void offline(EngineSample& s, const ServedModel& m, const EngineChip& chip, double devices) {
    s.law = "offline";
    s.is_rate = true;
    s.scale = devices;
    s.mixture = m.experts > 0;
    const double answer = s.mixture ? offline_answer_mixtral : offline_answer_llama;
    assume(
        fmt::format("mean prompt of {} and mean answer of {} tokens in MLPerf offline runs", offline_prompt, answer));
    s.decode_flop = 2 * (m.active_weights() * (1 + offline_prompt / answer) + m.head_weights);
    s.peak = chip.peak8;
    s.bandwidth = chip.bandwidth;
    s.floor = s.decode_flop / s.peak;
    s.cells = {"any", "mlperf/" + chip.vendor, "mlperf/" + chip.id};
    s.category = "offline, mlperf on " + chip.id;
  }
};

}  // namespace

void fill_request(EngineSample& s, const ServedModel& m, const EngineChip& chip) {
  const double element = s.weight_bits / 8, tokens = s.batch * std::max(1.0, s.prompt);
  s.layers = m.layers;
  s.width = m.width;
  s.mixture = m.experts > 0;
  s.weight_only = s.weight_bits < 16;
  const double read = m.weights_read(s.batch);
  s.head_bytes = m.head_weights * element;
  s.body_bytes = (read - m.head_weights) * element;
  s.stored_bytes = m.parameters * element;
  const double middle = s.prompt + s.generate / 2;
  s.kv_bytes = s.batch * m.cache_elements(middle) * 2;
  s.kv_stored_bytes = s.batch * m.cache_elements(s.prompt + s.generate) * 2;
  s.decode_flop = s.batch * (2 * (m.active_weights() + m.head_weights) + m.decode_attention_flop(middle));
  s.prefill_flop = 2 * m.active_weights() * tokens + 2 * m.head_weights * s.batch;
  s.prefill_attention_flop = s.batch * m.prefill_attention_flop(std::max(1.0, s.prompt));
  s.prefill_bytes = m.weights_read(tokens) * element;
  s.bandwidth = chip.bandwidth;
  s.peak = chip.peak16;
  s.link = s.nodes > s.layer_splits ? chip.network : chip.link;
}

// Layer splits work one after the other in decoding; in a long prompt they may all be busy.
void set_request_floor(EngineSample& s) {
  const double t = s.tensor_parallel;
  const double split = s.law == "latency" ? s.layer_splits : 1;  // pipeline stages may share a batch out
  const double step = std::max((s.body_bytes + s.head_bytes + s.kv_bytes / split) / (t * s.bandwidth),
                               s.decode_flop / (split * t * s.peak));
  const double flop = s.prefill_flop + s.prefill_attention_flop;
  if (s.law == "decode") s.floor = step;
  if (s.law == "prefill") s.floor = std::max(flop / s.peak, s.prefill_bytes / s.bandwidth) / s.layer_splits;
  // The first token comes with the prompt's pass.
  if (s.law == "latency") s.floor = std::max(s.generate - 1, 0.0) * step + flop / (t * s.peak * s.layer_splits);
  if (s.law == "memory") s.floor = s.stored_bytes + s.kv_stored_bytes;
}

bool is_inference_table(const CsvTable& table) {
  for (const char* column : {"weight_dtype", "gen_len", "engine", "metric", "value"})
    if (!table.find_column(column)) return false;
  return true;
}

std::optional<double> stored_weight_bits(const std::string& format) {
  std::string key;
  for (const char c : format) key += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  static const std::map<std::string, double> bits = {
      {"fp32", 32},     {"fp16", 16},    {"f16", 16},      {"bf16", 16},        {"fp8", 8},        {"int8", 8},
      {"q8_0", 8.5},    {"int8-bnb", 8}, {"q4_k_m", 4.9},  {"q5_k_m", 5.7},     {"q4_0", 4.55},    {"int4-g32", 5},
      {"int4", 4.5},    {"q4", 4.5},     {"q4 g32", 5},    {"q5 g32", 6},       {"q5", 5.5},       {"q6 g32", 7},
      {"q6", 6.5},      {"q8", 8.5},     {"q8 g32", 9},    {"q3", 3.5},         {"q3 g32", 4},     {"nf4", 4.5},
      {"nf4-dq", 4.13}, {"fp4", 4.5},    {"fp4-dq", 4.13}, {"int4-g128", 4.25}, {"int4-g64", 4.5}, {"mxfp4", 4.25},
      {"nvfp4", 4.5}};
  const auto found = bits.find(key);
  if (found == bits.end()) return std::nullopt;
  return found->second;
}

EngineSamples read_inference_table(const CsvTable& table, const DataFolder& data) {
  for (const char* column : {"row_id", "model", "hardware", "engine", "weight_dtype", "metric", "value", "group"})
    table.column(column);
  Reader reader{table, ModelCatalogue::load(data), AcceleratorCatalogue::load(data)};
  for (std::size_t row = 0; row < table.rows(); ++row) {
    try {
      reader.result.samples.push_back(reader.read(row));
    } catch (const Error& error) {
      reader.result.refused.push_back({std::string(table.text(row, table.column("row_id"))), error.what()});
    }
  }
  return std::move(reader.result);
}

}  // namespace isoflop::sim
