#include "isoflop/sim/engines/serving_table.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "isoflop/catalogue/models.h"
#include "isoflop/error.h"
#include "isoflop/sim/engines/engine_chip.h"
#include "isoflop/sim/engines/served_model.h"

namespace isoflop::sim {
namespace {

constexpr double mean_length = 0.9;          // of nominal, uniform in [0.8, 1]
constexpr double usual_memory_share =
    0.915;  // of device memory that engines fill (assumed; their settings are 0.88 to 0.95)
constexpr double binary_gigabytes = 1.073741824;  // "141 GB" of a data-centre GPU are 141 GiB to its driver
constexpr double most_waiting = 8;           // requests per slot: nobody measures beyond (assumed)
constexpr double most_tokens_a_step = 4;     // three drafted by the prediction layer and one (assumed)
constexpr double nvfp4_bits = 4.5, mxfp4_bits = 4.25, int4_bits = 4.5;  // with scales: 16, 32 and 32 weights to one

// 4-bit checkpoints of mixtures keep attention in 16 bits (nvidia/DeepSeek-R1-FP4, openai/gpt-oss); caches are 8 bits
// where weights are (assumed).
ServedFormats formats_of(const std::string& precision, const std::string& model, bool mixture) {
  ServedFormats f;
  const bool gpt_oss = model.find("gpt-oss") != std::string::npos;
  if (precision == "fp8") f = {8, 8, 8, 8};
  if (precision == "fp4") f = {mixture ? 16.0 : nvfp4_bits, nvfp4_bits, 8, 4};
  if (precision == "int4") f = {mixture ? 16.0 : int4_bits, int4_bits, 16, 16};
  if (gpt_oss) f = {16, mxfp4_bits, 8, precision == "fp4" ? 4.0 : 8.0};
  return f;
}

// Which runs drafted tokens is in no column. DeepSeek-V3 in this table names runs of DeepSeek-R1 that did not; of R1 on
// TensorRT-LLM two releases hold none of V3's runs, and at equal sizes take half to two thirds of its time.
EngineSample::Drafting drafting_of(const std::string& model, const std::string& engine, const std::string& release,
                                   bool separate_prefill) {
  using Drafting = EngineSample::Drafting;
  if (model.find("DeepSeek-R1") == std::string::npos) return Drafting::No;
  if (separate_prefill) return Drafting::Unknown;
  const bool drafted = engine == "trtllm" && (release == "1.1.0rc2.post2" || release == "1.2.0rc6.post3");
  return drafted ? Drafting::Yes : Drafting::No;
}

/// InferenceX's "tensor-parallel x, expert-parallel x" has become moe_tp x, moe_ep x and x^2 devices; they are x. So
/// 64 / 8 / 8 take the time of 8 / 8 / 1, and 4 / 2 / 2 a third more than 4 / 4 / 1.
bool squares_sizes(double attention, double moe_tp, double moe_ep) {
  return moe_tp > 1 && moe_tp == moe_ep && attention == moe_tp * moe_ep;
}

/// One measurement under two models' names (DeepSeek-V3 and R1) is in two groups: both are left out together.
void join_twins(std::vector<EngineSample>& samples, const std::vector<std::string>& measurement) {
  std::map<std::string, std::string> joined;  // group -> the one it goes with
  const std::function<std::string(const std::string&)> root = [&](const std::string& group) {
    const auto found = joined.find(group);
    return found == joined.end() ? group : root(found->second);
  };
  std::map<std::string, std::string> first;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto [seen, fresh] = first.try_emplace(measurement[i], samples[i].group);
    const std::string a = root(seen->second), b = root(samples[i].group);
    if (a != b) joined[std::max(a, b)] = std::min(a, b);
  }
  for (EngineSample& s : samples) s.fold_group = root(s.group);
}

struct Reader {
  const CsvTable& table;
  ModelCatalogue models;
  AcceleratorCatalogue accelerators;
  std::map<std::string, ServedModel> known = {};
  EngineSamples result = {};

  std::string text(std::size_t row, const char* name) const {
    const auto column = table.find_column(name);
    return column ? std::string(table.text(row, *column)) : std::string();
  }
  double number(std::size_t row, const char* name, double otherwise) const {
    const auto column = table.find_column(name);
    return column ? table.number(row, *column).value_or(otherwise) : otherwise;
  }

  void assume(const std::string& what) { ++result.assumed[what]; }

  const ServedModel& model(const std::string& name) {
    auto found = known.find(name);
    if (found == known.end()) found = known.emplace(name, served_model_named(name, models)).first;
    return found->second;
  }

  EngineSample read(std::size_t row) {
    EngineSample s;
    s.row_id = text(row, "row_id");
    s.group = text(row, "group");
    s.metric = text(row, "metric");
    s.model = text(row, "model");
    s.stated = table.required_number(row, table.column("value"));
    if (!(s.stated > 0)) throw Error(Fault::BadInput, "the value is not positive");
    s.scale = 1e-3;
    if (s.metric != "ttft" && s.metric != "tpot")
      throw Error(Fault::BadInput, "metric " + s.metric + " is not predicted");
    s.law = s.metric;
    const auto chip = engine_chip_named(text(row, "hardware"), accelerators);
    if (!chip) throw Error(Fault::BadInput, "the device \"" + text(row, "hardware") + "\" is not known");
    s.concurrency = number(row, "concurrency", 0);
    if (!(s.concurrency > 0)) throw Error(Fault::BadInput, "concurrency is not stated");
    for (const char* column : {"isl", "osl"})
      if (!(table.required_number(row, table.column(column)) >= 1))
        throw Error(Fault::BadInput, std::string(column) + " is below 1");
    const std::string source = text(row, "measured_by"), engine = text(row, "backend"),
                      precision = text(row, "precision");
    s.fixed_lengths = source != "InferenceX";
    const double share = s.fixed_lengths ? 1 : mean_length;
    s.prompt = share * table.required_number(row, table.column("isl"));
    s.generate = share * table.required_number(row, table.column("osl"));
    s.separate_prefill = text(row, "mode") == "disagg";
    double attention_dp = number(row, "attn_dp", 1);
    const double moe_tp = number(row, "moe_tp", 1), moe_ep = number(row, "moe_ep", 1);
    const double sizes = !s.fixed_lengths && squares_sizes(number(row, "tp", 1) * attention_dp, moe_tp, moe_ep)
                             ? moe_tp
                             : serving_devices(number(row, "tp", 1), attention_dp, moe_tp, moe_ep);
    if (!s.separate_prefill && sizes > 8) {
      s.separate_prefill = true;
      assume("more than eight devices in one instance read prompts elsewhere");
      s.devices = s.prefill_devices = sizes;
    } else if (s.separate_prefill) {
      s.devices = number(row, "decode_tp", 1) * number(row, "decode_workers", 1);
      s.prefill_devices = number(row, "prefill_tp", 1) * number(row, "prefill_workers", 1);
      attention_dp = 1;
    } else {
      s.devices = s.prefill_devices = sizes;
    }
    const ServedModel& m = model(s.model);
    const bool latent = !m.caches.empty() && m.caches.front().shareable == 1;
    s.workers_known = !s.separate_prefill || number(row, "decode_workers", 0) > 0;
    s.release_stated = s.fixed_lengths || !text(row, "backend_version").empty();
    s.drafting = drafting_of(s.model, engine, text(row, "backend_version"), s.separate_prefill);
    const double attention_tp = s.separate_prefill ? s.devices : number(row, "tp", 1);
    // A latent cache over more than one machine is always held by request, not copied to every device.
    const ServedFormats formats = formats_of(precision, s.model, m.experts > 0);
    fill_closed_loop(s, m, *chip, formats, engine,
                     attention_dp > 1 || attention_tp < s.devices || (latent && s.devices > 8));
    set_closed_loop_floor(s, m, formats);
    if (!(s.devices >= 1 && s.prefill_devices >= 1)) throw Error(Fault::BadInput, "a number of devices is below 1");
    if (s.stored_bytes > s.devices * chip->memory * binary_gigabytes)
      throw Error(Fault::BadInput, "the stated devices cannot hold the model's weights");

    s.cells = closed_loop_cells(s, s.law, engine, chip->id);
    s.tpot_cells = closed_loop_cells(s, "tpot", engine, chip->id);
    const std::string kind = s.mixture ? "mixture" : "dense";
    s.category = s.metric + ", " + (s.separate_prefill ? "separate prefill" : kind) + ", " + engine + " on " + chip->id;
    return s;
  }
};

}  // namespace

void fill_closed_loop(EngineSample& s, const ServedModel& m, const EngineChip& chip, const ServedFormats& f,
                      const std::string& engine, bool own_caches) {
  // TensorRT-LLM sets aside a request's full length before it starts; the others let caches grow.
  const double held_tokens = s.prompt + s.generate * (engine == "trtllm" ? 1 : 0.5);
  s.layers = m.layers;
  s.width = m.width;
  s.mixture = m.experts > 0;
  s.latent = !m.caches.empty() && m.caches.front().shareable == 1 &&
             m.caches.front().pair_flop_decode > m.caches.front().pair_flop_prefill;
  s.expert_layers = m.expert_layers;
  s.weight_bits = f.experts;
  s.bandwidth = chip.bandwidth;
  s.link = chip.link;
  s.peak = f.arithmetic <= 4 ? chip.peak4 : f.arithmetic <= 8 ? chip.peak8 : chip.peak16;
  s.tensor_parallel = s.devices;
  const double sharing = own_caches ? 1 : s.devices, cache = f.cache / 8;
  s.stored_bytes =
      (m.body_weights * f.body + m.expert_weights * f.experts + (m.head_weights + m.embedding_weights) * 16) / 8;
  s.kv_bytes_per_request = m.cache_elements_on(held_tokens, sharing) * cache;
  const double room = s.devices * chip.memory * binary_gigabytes * usual_memory_share - s.stored_bytes;
  // Separate decoding devices, and rows whose sizes leave no room for a model that evidently ran: counts are not known.
  const double slots = room > 0 && !s.separate_prefill
                           ? std::max(s.concurrency / most_waiting, room / s.kv_bytes_per_request)
                           : s.concurrency;
  s.running = std::min(s.concurrency, slots);
  s.slots = slots;
  const double head = m.head_weights * 2,
               experts = (m.weights_read(s.running) - m.body_weights - m.head_weights) * f.experts / 8;
  s.head_bytes = head;
  s.expert_bytes = experts;
  s.body_bytes = m.body_weights * f.body / 8 + experts;
  const double middle = s.prompt + s.generate / 2;
  s.kv_bytes = s.running * m.cache_elements_on(middle, sharing) * cache;
  s.decode_flop = s.running * (2 * (m.active_weights() + m.head_weights) + m.decode_attention_flop(middle));
  s.prefill_flop = 2 * m.active_weights() * s.prompt;
  s.prefill_attention_flop = m.prefill_attention_flop(s.prompt);
  s.prefill_bytes =
      (m.body_weights * f.body + (m.weights_read(s.prompt) - m.body_weights - m.head_weights) * f.experts) / 8;
  const auto moved = [&](double tokens, double n) {
    return n > 1 ? 2 * m.layers * tokens * m.width * 2 * 2 * (n - 1) / n : 0;
  };
  s.moved_bytes = moved(s.running, s.devices);
  s.prefill_moved_bytes = moved(s.prompt, s.prefill_devices);
}

// Without what engines may share or skip: a single request's cache, no prompt beside the decode step.
void set_closed_loop_floor(EngineSample& s, const ServedModel& m, const ServedFormats& f) {
  const double n = s.devices * s.bandwidth, active = (m.body_weights * f.body + m.head_weights * 16) / 8;
  // Beside each output token the devices also read prompt / generate tokens of the peers' prompts.
  const double peers = s.separate_prefill ? 0 : s.running * (s.prefill_flop + s.prefill_attention_flop) / s.generate;
  const double share = s.workers_known ? 1 : 0;  // of an unknown number of groups, one may have any part of the load
  const double tokens = s.drafting == EngineSample::Drafting::No ? 1 : most_tokens_a_step;
  if (s.law == "tpot")
    s.floor = std::max((active / n + share * s.expert_bytes / n) / tokens,
                       (share * s.decode_flop + peers) / (s.devices * s.peak));
  else
    s.floor = (s.prefill_flop + s.prefill_attention_flop) / (s.prefill_devices * s.peak);
}

std::vector<std::string> closed_loop_cells(const EngineSample& s, const std::string& law, const std::string& engine,
                                           const std::string& chip) {
  const std::string top = (s.separate_prefill ? "separate/" : "together/") + engine,
                    protocol = s.fixed_lengths                            ? "/fixed lengths"
                               : engine == "sglang" && !s.release_stated ? "/varied lengths, release unknown"
                                                                         : "/varied lengths",
                    kind = !s.mixture ? "/dense" : s.latent ? "/latent mixture" : "/mixture",
                    bits = s.weight_bits < 6 ? "/4 bits" : s.weight_bits < 12 ? "/8 bits" : "/16 bits";
  // SGLang's runs of unknown release are early ones that contain warm-up: five times the first token of later ones.
  // A model unlike those measured borrows what matters most: of a token the kind of model, of waiting the protocol.
  const bool kind_first = law == "tpot";
  const std::string wide = top + (kind_first ? kind : protocol), narrow = wide + (kind_first ? protocol : kind),
                    on = narrow + "/" + chip;
  return {"any", top, wide, narrow, on, on + bits};
}

double serving_devices(double tp, double attention_dp, double moe_tp, double moe_ep) {
  tp = std::max(1.0, tp), attention_dp = std::max(1.0, attention_dp), moe_tp = std::max(1.0, moe_tp),
  moe_ep = std::max(1.0, moe_ep);
  const double attention = tp * attention_dp;
  if (moe_tp == moe_ep && moe_tp >= 4 && attention == moe_tp * moe_ep) return moe_tp;
  if (tp > 1 && attention_dp == tp) return tp;
  return std::max(attention, moe_tp * moe_ep);
}

bool is_serving_table(const CsvTable& table) {
  for (const char* column : {"backend", "isl", "osl", "concurrency", "metric", "value"})
    if (!table.find_column(column)) return false;
  return true;
}

EngineSamples read_serving_table(const CsvTable& table, const DataFolder& data) {
  for (const char* column :
       {"row_id", "model", "hardware", "backend", "isl", "osl", "concurrency", "metric", "value", "group"})
    table.column(column);
  Reader reader{table, ModelCatalogue::load(data), AcceleratorCatalogue::load(data)};
  // Runs whose TPOT beats the data sheet: their sizes or concurrency are not what they say.
  std::vector<std::string> run_of, measurement_of;
  std::set<std::string> impossible;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    try {
      reader.result.samples.push_back(reader.read(row));
      const EngineSample& s = reader.result.samples.back();
      run_of.push_back(s.group + "|" + reader.text(row, "concurrency") + "|" + reader.text(row, "backend_version"));
      std::string measurement;
      for (const char* column : {"metric", "value", "hardware", "backend", "isl", "osl", "concurrency"})
        measurement += reader.text(row, column) + "|";
      measurement_of.push_back(std::move(measurement));
      if (s.law == "tpot" && s.measured() < s.floor) impossible.insert(run_of.back());
    } catch (const Error& error) {
      reader.result.refused.push_back({std::string(table.text(row, table.column("row_id"))), error.what()});
    }
  }
  join_twins(reader.result.samples, measurement_of);
  std::vector<EngineSample> possible;
  for (std::size_t i = 0; i < reader.result.samples.size(); ++i) {
    EngineSample& s = reader.result.samples[i];
    if (impossible.count(run_of[i]) > 0)
      reader.result.refused.push_back(
          {s.row_id, "the measured TPOT of this run beats bytes / bandwidth or FLOP / peak of the stated devices"});
    else
      possible.push_back(std::move(s));
  }
  reader.result.samples = std::move(possible);
  return std::move(reader.result);
}

}  // namespace isoflop::sim
