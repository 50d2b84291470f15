#include "isoflop/catalogue/models.h"

#include "isoflop/catalogue/named_records.h"

namespace isoflop {
namespace {

template <auto Member>
Field<ModelRecord> field(const char* column, int exponent = 0) {
  return field_of<Member, ModelRecord>(column, exponent);
}

using M = ModelRecord;

}  // namespace

const std::vector<Field<M>>& model_fields() {
  static const std::vector<Field<M>> fields = {
      field<&M::id>("id"),
      field<&M::name>("name"),
      field<&M::name>("model"),
      field<&M::aliases>("aliases"),
      field<&M::hf_id>("hf_id"),
      field<&M::family>("family"),
      field<&M::organisation>("organisation"),
      field<&M::release_date>("release_date"),
      field<&M::licence>("licence"),
      field<&M::openness>("openness"),
      field<&M::data_regime>("data_regime"),
      field<&M::derived_from>("derived_from"),
      field<&M::notes>("notes"),
      field<&M::context_tokens>("context_tokens"),
      field<&M::context_tokens>("training_context_thousand_tokens", 3),
      field<&M::facts_source>("facts_source"),
      field<&M::params_total_published>("params_total_published"),
      field<&M::params_total_published>("total_params_published_billion", 9),
      field<&M::params_total_published>("total_params_billion", 9),
      field<&M::params_total_published>("total_params"),
      field<&M::params_active_published>("params_active_published"),
      field<&M::params_active_published>("active_params_published_billion", 9),
      field<&M::params_active_published>("active_params_billion", 9),
      field<&M::params_active_published>("active_params"),
      field<&M::params_source>("params_source"),
      field<&M::params_total_recounted>("params_total_recounted"),
      field<&M::params_total_recounted>("total_params_recomputed"),
      field<&M::params_active_recounted>("params_active_recounted"),
      field<&M::params_active_recounted>("active_params_recomputed"),
      field<&M::params_active_nonembedding_recounted>("params_active_nonembedding_recounted"),
      field<&M::params_active_nonembedding_recounted>("active_nonembedding_params_recomputed"),
      field<&M::training_tokens>("training_tokens"),
      field<&M::training_tokens>("training_tokens_trillion", 12),
      field<&M::training_tokens>("tokens"),
      field<&M::tokens_confidence>("tokens_confidence"),
      field<&M::tokens_source>("tokens_source"),
      field<&M::layers>("layers"),
      field<&M::hidden_size>("hidden_size"),
      field<&M::heads>("heads"),
      field<&M::kv_heads>("kv_heads"),
      field<&M::head_dim>("head_dim"),
      field<&M::ffn_size>("ffn_size"),
      field<&M::gated_ffn>("gated_ffn"),
      field<&M::expert_ffn_size>("expert_ffn_size"),
      field<&M::experts>("experts"),
      field<&M::experts_per_token>("experts_per_token"),
      field<&M::shared_experts>("shared_experts"),
      field<&M::shared_expert_ffn_size>("shared_expert_ffn_size"),
      field<&M::leading_dense_layers>("leading_dense_layers"),
      field<&M::dense_residual_ffn_size>("dense_residual_ffn_size"),
      field<&M::mla_query_rank>("mla_query_rank"),
      field<&M::mla_kv_rank>("mla_kv_rank"),
      field<&M::mla_nope_head_dim>("mla_nope_head_dim"),
      field<&M::mla_rope_head_dim>("mla_rope_head_dim"),
      field<&M::mla_value_head_dim>("mla_value_head_dim"),
      field<&M::vocabulary_size>("vocabulary_size"),
      field<&M::vocabulary_size>("vocabulary_thousand", 3),
      field<&M::sliding_window_tokens>("sliding_window_tokens"),
      field<&M::tied_embeddings>("tied_embeddings"),
      field<&M::activation>("activation"),
      field<&M::norm>("norm"),
      field<&M::norm_variant>("norm_variant"),
      field<&M::norms_per_layer>("norms_per_layer"),
      field<&M::position_encoding>("position_encoding"),
      field<&M::position_variant>("position_variant"),
      field<&M::learned_position_rows>("learned_position_rows"),
      field<&M::attention>("attention"),
      field<&M::attention_pattern>("attention_pattern"),
      field<&M::qk_norm>("qk_norm"),
      field<&M::biases>("biases"),
      field<&M::attention_sinks>("attention_sinks"),
      field<&M::router_bias>("router_bias"),
      field<&M::expert_biases>("expert_biases"),
      field<&M::shared_expert_gate>("shared_expert_gate"),
      field<&M::output_head_bias>("output_head_bias"),
      field<&M::embedding_norm>("embedding_norm"),
      field<&M::embedding_projection_size>("embedding_projection_size"),
      field<&M::mtp_layers>("mtp_layers"),
      field<&M::architecture_confidence>("architecture_confidence"),
      field<&M::architecture_source>("architecture_source"),
      field<&M::architecture_source>("architecture_sources"),
  };
  return fields;
}

ModelCatalogue ModelCatalogue::load(const DataFolder& folder) { return from(open_data_table("models.csv", folder)); }

ModelCatalogue ModelCatalogue::from(const CsvTable& table) {
  if (!table.find_column("id") && !table.find_column("model")) table.column("id");
  ModelCatalogue catalogue;
  catalogue.origin_ = origin_of(table);
  catalogue.records_ = read_records(table, model_fields());
  auto& records = catalogue.records_;
  for (std::size_t i = 0; i < records.size(); ++i) {
    name_record(catalogue.names_, records, i, table, "model");
    if (!records[i].hf_id.empty()) claim_name(catalogue.names_, records[i].hf_id, records, i, table);
  }
  return catalogue;
}

std::vector<std::string> ModelCatalogue::ids() const { return ids_of(records_); }

const ModelRecord* ModelCatalogue::find(std::string_view name) const {
  const auto found = names_.find(name);
  return found ? &records_[*found] : nullptr;
}

const ModelRecord& ModelCatalogue::require(std::string_view name) const {
  return records_[names_.require("model", name, ids())];
}

}  // namespace isoflop
