// A row of a model table with the places of its values. Internal to the library.
#pragma once
#include "isoflop/audit/auditor.h"
#include "isoflop/catalogue/models.h"

namespace isoflop::audit {

/// Columns of a model table, in whatever spelling; empty where the table has none.
struct ModelColumns {
  explicit ModelColumns(const Auditor& auditor);
  std::optional<std::size_t> total, active, total_recounted, active_recounted, nonembedding_recounted, tokens, layers,
      hidden_size, heads, kv_heads, head_dim, ffn_size, expert_ffn_size, experts, experts_per_token, shared_experts,
      vocabulary, context, window, attention, attention_pattern, activation, moe, norm, position;
};

struct ModelRow {
  std::size_t row = 0;
  ModelRecord record;
  /// The same model in the catalogue; nothing when it is not there or the table is the catalogue itself.
  const ModelRecord* known = nullptr;
};

// Rules over one row; check_models runs them all.
void check_ranges(Auditor& auditor, const ModelColumns& columns, const ModelRow& row);
void check_dimensions(Auditor& auditor, const ModelColumns& columns, const ModelRow& row);
void check_attention_label(Auditor& auditor, const ModelColumns& columns, const ModelRow& row);
void check_name_against_size(Auditor& auditor, const ModelColumns& columns, const ModelRow& row);
void check_recount(Auditor& auditor, const ModelColumns& columns, const ModelRow& row);
void check_stated_compute(Auditor& auditor, const ModelColumns& columns, const ModelRow& row);
void check_against_catalogue(Auditor& auditor, const ModelColumns& columns, const ModelRow& row);

/// Words of an attention label: "SWA, GQA" -> SWA, GQA.
std::vector<std::string> label_words(const std::string& label);

/// Parameters that a name states: "Llama-3-8B" -> 8e9, "Mixtral-8x7B" -> 56e9, "gpt2-350M" -> 3.5e8; the first number
/// with B or M behind it that is not "A22B" (active size). Nothing when there is none.
std::optional<double> size_in_name(std::string_view name);

}  // namespace isoflop::audit
