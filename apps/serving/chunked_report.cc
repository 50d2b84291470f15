#include "apps/serving/chunked_report.h"

#include <fmt/format.h>

#include "isoflop/number_text.h"

namespace isoflop::app {

void add_chunked(Report& report, const sim::ChunkedServing& chunked, const sim::ServingLoad& load,
                 std::int64_t step_tokens, const Estimate& decoding_alone_s) {
  Value& result = report.result["chunked_prefill"] = Value::object();
  result["step_tokens"] = step_tokens;
  result["piece_tokens"] = chunked.piece_tokens;
  result["passes_per_prompt"] = chunked.passes_per_prompt;
  result["decoding"] = chunked.decoding;
  result["share_of_passes_with_piece"] = chunked.share_of_passes_with_piece;
  result["saturated"] = chunked.saturated;
  const auto put = [&](const std::string& key, const Estimate& e) {
    result[key] = e.central;
    result[key + "_interval"] = Value(e);
  };
  put("tpot_decoding_alone_s", decoding_alone_s);
  put("longest_gap_s", chunked.longest_gap_s);
  put("whole_prompt_gap_s", chunked.whole_prompt_gap_s);
  ReportTable table{fmt::format("Prompts in pieces beside decoding, passes of {} tokens", step_tokens),
                    {{"quantity", "quantity", Align::Left},
                     {"low", "low"},
                     {"central", "central"},
                     {"high", "high"},
                     {"unit", "unit", Align::Left}},
                    {},
                    ""};
  const auto row = [&](const char* name, const Estimate& e) {
    table.rows.push_back({name, 1e3 * e.low, 1e3 * e.central, 1e3 * e.high, "ms"});
  };
  row("time per output token, prompts of others included", chunked.tpot_s);
  row("  decoding alone", decoding_alone_s);
  row("longest wait between two tokens", chunked.longest_gap_s);
  row("  if a whole prompt shared the pass", chunked.whole_prompt_gap_s);
  const auto plain = [&](const char* name, double value, const char* unit) {
    table.rows.push_back({name, TableCell(), value, TableCell(), unit});
  };
  plain("prompt tokens in a pass", chunked.piece_tokens, "");
  plain("passes a prompt takes", chunked.passes_per_prompt, "");
  plain("passes that carry a piece", 100 * chunked.share_of_passes_with_piece, "%");
  table.note = chunked.saturated
                   ? fmt::format("prompts cannot keep up: {} of {} clients decode, the others wait for their prompt",
                                 chunked.decoding, load.batch)
                   : fmt::format("{} clients, each asking again as soon as it is answered", load.batch);
  report.tables.insert(report.tables.begin() + 1, std::move(table));
  report.assumptions.push_back({"load", fmt::format("{} clients in closed loop, equal lengths", load.batch), "",
                                "definition; --concurrency simulates drawn lengths and waiting"});
  if (chunked.saturated)
    report.warnings.push_back(
        "prompts cannot keep up with decoding at this load: more tokens a pass, shorter prompts or fewer clients would "
        "shorten the time to first token");
}

}  // namespace isoflop::app
