// What `serve --chunk` says of prompts cut in pieces beside decoding.
#pragma once
#include "isoflop/report/report.h"
#include "isoflop/sim/serving/chunked_prefill.h"

namespace isoflop::app {

/// Keys, table, assumptions. `decoding_alone_s`: time per output token when no prompt shares a pass.
void add_chunked(Report& report, const sim::ChunkedServing& chunked, const sim::ServingLoad& load,
                 std::int64_t step_tokens, const Estimate& decoding_alone_s);

}  // namespace isoflop::app
