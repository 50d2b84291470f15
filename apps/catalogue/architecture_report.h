// What follows from an architecture, as result keys and tables: parameters in every convention, KV cache, FLOP.
#pragma once
#include "isoflop/model/architecture.h"
#include "isoflop/report/report.h"

namespace isoflop::app {

/// Adds to `report.result`: params_total, params_active, params_active_without_embedding (neither input embedding nor
/// head), params_active_without_input_embedding, kv_bytes_per_token, flops_per_token_forward, breakdowns; to the tables
/// "Size and cost"; to the explanation the breakdown by part and the operations of one layer of each kind.
/// `length`: tokens of the causal pass over which FLOP are averaged.
void add_architecture(Report& report, const Architecture& architecture, std::int64_t length);

}  // namespace isoflop::app
