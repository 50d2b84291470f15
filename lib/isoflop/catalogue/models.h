// The catalogue of language models: published facts only, each group with its source; nothing is computed here.
// Unknown is empty, never zero: undisclosed training tokens stay unknown and are not guessed.
// Counts are whole numbers in single units (parameters, tokens), not billions. Schema and traps: docs/data.md.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "isoflop/catalogue/data_files.h"
#include "isoflop/catalogue/name_index.h"
#include "isoflop/catalogue/record_fields.h"

namespace isoflop {

using Count = std::optional<std::int64_t>;

struct ModelRecord {  ///< One row; empty where the source does not say.
  std::string id;    ///< stable, e.g. "phi-3-mini"
  std::string name;  ///< as printed, "Phi-3-mini"
  std::vector<std::string> aliases;
  std::string hf_id, family, organisation, release_date;  ///< date ISO
  std::string licence, openness, data_regime, derived_from, notes;
  Count context_tokens;
  std::string facts_source;  ///< of date, licence, context, openness and data regime

  /// As the owner states them; owners differ in what they count (docs/data.md).
  Count params_total_published, params_active_published;
  std::string params_source;
  /// Recounted from the dimensions below; active counts include input embedding and head, the last one neither.
  Count params_total_recounted, params_active_recounted, params_active_nonembedding_recounted;

  Count training_tokens;  ///< seen, epochs included
  std::string tokens_confidence, tokens_source;

  Count layers, hidden_size, heads, kv_heads, head_dim;  ///< head_dim empty for latent attention
  Count ffn_size;                                        ///< of the dense feed-forward block
  std::optional<bool> gated_ffn;                         ///< three matrices (SwiGLU, GeGLU) instead of two
  Count expert_ffn_size, experts, experts_per_token;     ///< routed experts; empty for dense models
  Count shared_experts, shared_expert_ffn_size;          ///< always-on experts and their total width
  Count leading_dense_layers, dense_residual_ffn_size;
  Count mla_query_rank, mla_kv_rank, mla_nope_head_dim, mla_rope_head_dim, mla_value_head_dim;
  Count vocabulary_size;  ///< rows of the embedding in the checkpoint, padding included
  Count sliding_window_tokens;
  std::optional<bool> tied_embeddings;
  std::string activation, norm, norm_variant;
  Count norms_per_layer;  ///< full-width norms
  std::string position_encoding, position_variant;
  Count learned_position_rows;
  std::string attention;  ///< MHA, GQA, MQA, MLA, MoA, hybrid
  std::string attention_pattern, qk_norm;
  std::string biases;  ///< all, qkv, qkvo, noqkv, mlponly, none
  bool attention_sinks = false, router_bias = false, expert_biases = false, shared_expert_gate = false,
       output_head_bias = false, embedding_norm = false;
  Count embedding_projection_size, mtp_layers;
  std::string architecture_confidence, architecture_source;

  bool is_mixture() const { return experts.has_value(); }
  /// Active parameters with both embeddings: recounted where the dimensions are known, else as published.
  Count params_active() const { return params_active_recounted ? params_active_recounted : params_active_published; }
  Count params_total() const { return params_total_recounted ? params_total_recounted : params_total_published; }
};

/// Every column a ModelRecord is read from, in all spellings.
const std::vector<Field<ModelRecord>>& model_fields();

class ModelCatalogue {  ///< All rows, by id, name, repository or alias.
 public:
  /// models.csv of the folder, else the one compiled in.
  static ModelCatalogue load(const DataFolder& folder = {});
  /// Our schema, or one with `model` for `id`, `..._billion`, `..._trillion` and `..._recomputed` columns.
  /// Throws Error (BadInput) for a missing name, an id given twice, or an alias that two models claim.
  static ModelCatalogue from(const CsvTable& table);

  const std::vector<ModelRecord>& all() const& { return records_; }
  std::vector<ModelRecord> all() && { return std::move(records_); }  ///< so that a loop over load().all() is safe
  std::vector<std::string> ids() const;
  /// By id, printed name, alias or repository id; nothing when unknown.
  const ModelRecord* find(std::string_view name) const;
  /// As find(), but throws Error (Usage) with "did you mean".
  const ModelRecord& require(std::string_view name) const;
  const TableOrigin& origin() const { return origin_; }

 private:
  std::vector<ModelRecord> records_;
  NameIndex names_;
  TableOrigin origin_;
};

}  // namespace isoflop
