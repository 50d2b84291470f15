// One measured figure of an inference engine, reduced to what the laws need: bytes, FLOP, counts and data-sheet limits.
// Every law predicts a base quantity (seconds, or bytes of memory); `measured` is that quantity, and `as_stated`
// converts back to the unit of the table.
#pragma once
#include <string>
#include <vector>

namespace isoflop::sim {

struct EngineSample {
  std::string row_id, group, metric;
  std::string fold_group;          ///< what cross-validation leaves out together; empty: the group
  std::string law;                 ///< which law predicts it
  std::string category;            ///< for tables of accuracy
  std::string model;
  std::vector<std::string> cells;  ///< for pooled_fit: widest first
  std::vector<std::string> tpot_cells;  ///< of the law "tpot", on which "ttft" rests
  double stated = 0;               ///< as measured, in the unit of the table
  double scale = 1;                ///< base = scale / stated for rates, scale x stated otherwise
  bool is_rate = false;
  bool lower_bound = false;        ///< the source says "more than": not a measurement to fit to

  double measured() const { return is_rate ? scale / stated : scale * stated; }
  /// From seconds or bytes to the unit of the table.
  double as_stated(double base) const { return is_rate ? scale / base : base / scale; }

  // The load.
  double batch = 1, prompt = 0, generate = 1;
  // The layout: tensor-parallel devices, further devices that layers are dealt to one after the other, nodes.
  double tensor_parallel = 1, layer_splits = 1, nodes = 1;
  // The model.
  double layers = 0, width = 0;
  bool mixture = false, latent = false;  ///< routed experts; latent attention
  double weight_bits = 16;          ///< of a stored weight, scales included
  bool weight_only = false;         ///< stored smaller than computed
  double body_bytes = 0, head_bytes = 0;  ///< read by one decode step of the batch, all devices
  double stored_bytes = 0;          ///< weights in memory
  double kv_bytes = 0;              ///< cache read by one decode step in the middle of the generation, whole batch
  double kv_stored_bytes = 0;       ///< at the end of the generation
  double decode_flop = 0;           ///< of one step of the batch, all devices
  double prefill_flop = 0, prefill_attention_flop = 0;  ///< of the whole batch
  double prefill_bytes = 0;         ///< weights read by a pass over many tokens
  // The device.
  double bandwidth = 0, peak = 0, link = 0;

  // Closed-loop serving only.
  double concurrency = 0;           ///< requests kept in flight
  double running = 0;               ///< of them decoded together: what the cache holds at usual memory use
  double devices = 1;               ///< that decode; a prompt is read by `prefill_devices`
  double prefill_devices = 1;
  bool separate_prefill = false;    ///< prompts are read by other devices
  bool workers_known = true;        ///< how many groups of `devices` decode
  bool fixed_lengths = false;       ///< every request equally long: waves stay together
  bool release_stated = true;       ///< which release of the engine ran
  enum class Drafting { No, Yes, Unknown };  ///< Whether tokens were drafted; no table says it in a column.
  Drafting drafting = Drafting::No;  ///< of tokens by the model's own prediction layer
  double expert_bytes = 0;          ///< of body_bytes above, routed experts
  double expert_layers = 0;
  double slots = 0;                 ///< requests that the cache holds
  double kv_bytes_per_request = 0;  ///< set aside for one, all devices
  double moved_bytes = 0, prefill_moved_bytes = 0;  ///< all-reduced per device, by a decode step and by a prompt

  double floor = 0;                 ///< least base quantity that data sheets allow
};

}  // namespace isoflop::sim
