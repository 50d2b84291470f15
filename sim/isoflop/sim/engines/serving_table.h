// Rows of closed-loop serving benchmarks to samples. Columns: row_id, measured_by, model, hardware, precision, mode,
// backend, isl, osl, concurrency, tp, attn_dp, moe_tp, moe_ep, prefill_*, decode_*, metric (ttft, tpot), value (ms),
// group.
//
// InferenceX draws lengths from [0.8, 1] x nominal, so 0.9 x isl and osl are used; the other source has fixed lengths.
// Device counts: some rows name the same devices twice (tp 64 with moe_tp 8 and moe_ep 8 on an eight-GPU machine);
// where both expert sizes are equal, 4 or more, and their product is what tp or attn_dp says, the smaller number is
// meant. Experts over more devices than attention has: attention is replicated. An instance of more than eight devices
// is taken to read its prompts elsewhere.
//
// Refused with the reason: devices that cannot hold the weights; runs whose measured TPOT beats the data sheet.
#pragma once
#include "isoflop/sim/engines/inference_table.h"

namespace isoflop::sim {

bool is_serving_table(const CsvTable& table);  ///< By its columns.

/// Throws Error (BadInput) for a table without those columns or a cell that is no number.
EngineSamples read_serving_table(const CsvTable& table, const DataFolder& data);

/// Bits of what is stored and computed.
struct ServedFormats {
  double body = 16, experts = 16, cache = 16, arithmetic = 16;
};

/// Work and limits of a closed loop from its model and chip; prompt, generate, concurrency and devices must be set.
/// `own_caches`: attention is replicated, so that every device keeps only its own requests' cache.
void fill_closed_loop(EngineSample& sample, const ServedModel& model, const EngineChip& chip,
                      const ServedFormats& formats, const std::string& engine, bool own_caches);
/// The floor of the sample's law, "tpot" or "ttft".
void set_closed_loop_floor(EngineSample& sample, const ServedModel& model, const ServedFormats& formats);
/// Widest first: layout and engine, then kind of model and benchmark protocol ("tpot") or the other way round ("ttft"),
/// chip, bits of a weight.
std::vector<std::string> closed_loop_cells(const EngineSample& sample, const std::string& law,
                                           const std::string& engine, const std::string& chip);

/// Devices of an aggregated deployment; empty sizes count as 1.
double serving_devices(double tp, double attention_dp, double moe_tp, double moe_ep);

}  // namespace isoflop::sim
