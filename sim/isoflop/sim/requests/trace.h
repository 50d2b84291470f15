// Request traces as CSV, as Azure publishes them: TIMESTAMP,ContextTokens,GeneratedTokens, one request a line.
// Timestamps are seconds, or dates such as 2023-11-16 18:15:46.6805900 (also with T, and Z at the end); times count
// from the earliest. Column names compare without case, blanks and underscores; also read are arrival, arrived_at,
// prompt_tokens, input_tokens, num_prefill_tokens, output_tokens, num_decode_tokens.
// Optional: prefix_hash (any text; empty = shares with nobody) and prefix_tokens (default: the whole prompt).
// Source of the format: Azure/AzurePublicDataset, AzureLLMInferenceDataset2023.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/sim/requests/request.h"

namespace isoflop::sim {

struct Trace {
  std::vector<Request> requests;  ///< in the order of the file
  std::size_t skipped = 0;        ///< rows with no prompt or no generated token
  bool has_times = false;
};

inline constexpr std::int64_t longest_trace_request = std::int64_t{1} << 24;

/// Throws Error (BadInput) with file, line and column. A trace without a time column has all arrivals at 0.
Trace read_trace(const CsvTable& table);

/// Seconds since 1970-01-01 of "2023-11-16 18:15:46.68059"; nothing for other text. Time zones other than Z are
/// refused.
std::optional<double> parse_timestamp_s(std::string_view text);

}  // namespace isoflop::sim
