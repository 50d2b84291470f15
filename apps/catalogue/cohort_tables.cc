#include "apps/catalogue/cohort_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "apps/catalogue/catalogue_report.h"
#include "isoflop/catalogue/benchmarks.h"
#include "isoflop/catalogue/conflicts.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/error.h"
#include "isoflop/model/conventions.h"
#include "isoflop/model/parameters.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

constexpr std::int64_t counted_context = 2048;
constexpr double differs = 0.01;  ///< published and recounted sizes further apart than this are listed

struct CohortTables {
  const ModelCatalogue& models;
  const std::vector<std::string>& ids;
  const DataFolder& data;
  std::map<std::string, std::set<std::string>> corrected;  ///< fields by model id
};

TableCell cell(const Count& count) { return count ? TableCell(*count) : TableCell(); }
TableCell text_cell(const std::string& text) { return text.empty() ? TableCell() : TableCell(text); }

std::string experts_text(const ModelRecord& m) {
  if (!m.experts) return {};
  std::string text = fmt::format("{} of {}", m.experts_per_token.value_or(0), *m.experts);
  if (m.shared_experts && *m.shared_experts > 0) text += fmt::format(" + {} shared", *m.shared_experts);
  if (m.dense_residual_ffn_size) text += " + dense";
  return text;
}

ReportTable correction_table(CohortTables& c) {
  ReportTable table{"Corrections and disagreements",
                    {{"Model", "model", Align::Left},
                     {"Field", "field", Align::Left},
                     {"One source", "value_a", Align::Left},
                     {"which", "source_a", Align::Left},
                     {"Another", "value_b", Align::Left},
                     {"which", "source_b", Align::Left},
                     {"Taken, and why", "decision", Align::Left}},
                    {},
                    "Rows are the places where published figures of these models disagree, or where a published size "
                    "differs from the recount by over 1 %."};
  for (const auto& conflict : load_conflicts(c.data)) {
    bool concerns = false;
    for (const auto& id : conflict.models)
      if (std::find(c.ids.begin(), c.ids.end(), id) != c.ids.end()) {
        concerns = true;
        c.corrected[id].insert(conflict.field);
      }
    if (concerns)
      table.rows.push_back({conflict.item, conflict.field, conflict.value_a, conflict.source_a,
                            text_cell(conflict.value_b), text_cell(conflict.source_b), conflict.decision});
  }
  for (const auto& id : c.ids) {
    const ModelRecord& m = c.models.require(id);
    if (!m.params_total_published || !m.params_total_recounted) continue;
    const double published = static_cast<double>(*m.params_total_published),
                 counted = static_cast<double>(*m.params_total_recounted);
    if (std::fabs(published / counted - 1) <= differs) continue;
    c.corrected[id].insert("parameters");
    table.rows.push_back({m.name, std::string("parameters"), format_count(published), m.params_source,
                          format_count(counted, 4), std::string("recount of the dimensions"),
                          std::string("recount: it follows from the configuration to the integer")});
  }
  return table;
}

ReportTable architecture_table(const CohortTables& c, Report& report) {
  ReportTable table{"Architectures, recounted",
                    {{"Model", "model", Align::Left},
                     {"Owner", "organisation", Align::Left},
                     {"Released", "release_date", Align::Left},
                     {"Parameters", "params_total", Align::Right, 4, true},
                     {"published", "params_total_published", Align::Right, 4, true},
                     {"Active", "params_active", Align::Right, 4, true},
                     {"Tokens", "training_tokens", Align::Right, 3, true},
                     {"Layers", "layers"},
                     {"Width", "hidden_size", Align::Right, 6},
                     {"Heads", "heads"},
                     {"KV heads", "kv_heads"},
                     {"FFN", "ffn_size", Align::Right, 6},
                     {"Experts", "experts", Align::Left},
                     {"Attention", "attention", Align::Left},
                     {"Positions", "position_encoding", Align::Left},
                     {"Norm", "norm", Align::Left},
                     {"Activation", "activation", Align::Left},
                     {"Vocabulary", "vocabulary_size", Align::Right, 7},
                     {"Context", "context_tokens", Align::Right, 6},
                     {"GFLOP/token", "gigaflop_per_token_forward"},
                     {"KV kB/token", "kv_kilobytes_per_token"},
                     {"Train FLOP", "training_flop", Align::Right, 3},
                     {"6ND", "training_flop_6nd", Align::Right, 3},
                     {"Dimensions", "architecture_confidence", Align::Left},
                     {"Corrected", "corrected", Align::Left},
                     {"Source", "architecture_source", Align::Left}},
                    {},
                    fmt::format("Parameters, active parameters (both embeddings counted), GFLOP per token (forward, {} "
                                "tokens of context, causal), cache (16 bits) and training "
                                "FLOP (three times the forward pass at that length) are recounted from the dimensions. "
                                "Corrected: fields where sources disagree; see the last table.",
                                counted_context)};
  Value& list = report.result["models"] = Value::array();
  for (const auto& id : c.ids) {
    const ModelRecord& m = c.models.require(id);
    if (!m.layers) continue;
    const NamedArchitecture named = named_architecture(id, c.data);
    const ParameterCount count = count_parameters(named.architecture);
    const double forward = forward_flops_per_token(named.architecture, counted_context, AttentionCounting::Causal);
    const double kv_bytes = 2 * static_cast<double>(kv_elements_per_token(named.architecture));
    TableCell train, six_nd;
    if (m.training_tokens) {
      const double tokens = static_cast<double>(*m.training_tokens);
      if (const auto per_token = training_flops_per_token(named.architecture, counted_context, FlopConvention::Exact))
        train = *per_token * tokens;
      six_nd = 6 * static_cast<double>(count.active) * tokens;
    }
    std::string corrected;
    if (const auto found = c.corrected.find(id); found != c.corrected.end())
      for (const auto& field : found->second) corrected += (corrected.empty() ? "" : "; ") + field;
    table.rows.push_back(
        {m.name,
         m.organisation,
         m.release_date,
         count.total,
         cell(m.params_total_published),
         count.active,
         cell(m.training_tokens),
         cell(m.layers),
         cell(m.hidden_size),
         cell(m.heads),
         cell(m.kv_heads),
         cell(m.expert_ffn_size ? m.expert_ffn_size : m.ffn_size),
         text_cell(experts_text(m)),
         text_cell(m.attention +
                   (m.sliding_window_tokens ? ", window " + std::to_string(*m.sliding_window_tokens) : "")),
         text_cell(m.position_encoding),
         text_cell(m.norm),
         text_cell(m.activation),
         cell(m.vocabulary_size),
         cell(m.context_tokens),
         forward / 1e9,
         kv_bytes / 1e3,
         train,
         six_nd,
         text_cell(m.architecture_confidence),
         text_cell(corrected),
         text_cell(m.architecture_source)});
    const auto number = [](const TableCell& v) {
      const double* d = std::get_if<double>(&v);
      return d ? Value(*d) : Value();
    };
    list.push_back(Value::object({{"model", m.name},
                                  {"id", id},
                                  {"params_total", count.total},
                                  {"params_active", count.active},
                                  {"params_total_published", m.params_total_published},
                                  {"training_tokens", m.training_tokens},
                                  {"flops_per_token_forward", forward},
                                  {"kv_bytes_per_token", kv_bytes},
                                  {"training_flop", number(train)},
                                  {"training_flop_6nd", number(six_nd)},
                                  {"corrected", corrected}}));
  }
  return table;
}

/// Reports of one benchmark by one kind of model, each source once. Taken: the one the catalogue prefers, else the
/// owner's model card, else the (lower) median.
struct Reported {
  double value = 0, low = 0, high = 0;
  std::size_t reports = 0;
  std::string kind, shots, source;
};

/// "owner/name" of the place a score was taken from.
std::string collection(const ScoreRecord& record) { return record.source.substr(0, record.source.find_first_of("@:")); }

std::optional<Reported> reported(const ScoreTable& scores, const std::string& id, const std::string& benchmark,
                                 const std::string& kind) {
  std::vector<const ScoreRecord*> list;
  for (const ScoreRecord* record : scores.of(id, benchmark))
    if (record->kind == kind && record->unit == "percent") {
      // One collection may hold the same score at several dates.
      const auto same = [&](const ScoreRecord* other) {
        return collection(*other) == collection(*record) && other->value == record->value;
      };
      if (std::none_of(list.begin(), list.end(), same)) list.push_back(record);
    }
  if (list.empty()) return std::nullopt;
  std::stable_sort(list.begin(), list.end(),
                   [](const ScoreRecord* a, const ScoreRecord* b) { return a->value < b->value; });
  const ScoreRecord* taken = list[(list.size() - 1) / 2];
  for (const ScoreRecord* record : list)
    if (record->source.find("MODEL_CARD") != std::string::npos) taken = record;
  for (const ScoreRecord* record : list)
    if (record->preferred) taken = record;
  return Reported{taken->value, list.front()->value, list.back()->value, list.size(),
                  kind,         taken->shots,        taken->source};
}

std::pair<ReportTable, ReportTable> benchmark_tables(const CohortTables& c, const ScoreTable& scores, Report& report) {
  static constexpr std::array benchmarks = {std::pair{"mmlu", "MMLU"}, std::pair{"gsm8k", "GSM8K"},
                                            std::pair{"humaneval", "HumanEval"}};
  static constexpr std::array kinds = {"base", "instruct", "unspecified"};
  ReportTable wide{
      "Benchmarks, base and chat models apart",
      {{"Model", "model", Align::Left}},
      {},
      "Percent. Kind unknown: the source does not say which of the two was tested. Where reports differ, the one the "
      "catalogue prefers, else the owner's card, else the median of the sources; the next table has the ranges."};
  ReportTable all{
      "Benchmarks, every kind with the range of reports",
      {{"Model", "model", Align::Left},
       {"Benchmark", "benchmark", Align::Left},
       {"Kind", "kind", Align::Left},
       {"Taken", "value", Align::Right, 4},
       {"lowest", "low", Align::Right, 4},
       {"highest", "high", Align::Right, 4},
       {"Reports", "reports"},
       {"Shots", "shots", Align::Left},
       {"Source of the taken value", "source", Align::Left}},
      {},
      "Base and chat scores are never mixed; neither are harnesses hidden: all reports count in the range."};
  for (const auto& [code, title] : benchmarks)
    for (const char* kind : {"base", "chat"})
      wide.columns.push_back(
          {std::string(title) + " " + kind, std::string(code) + "_" + kind + "_percent", Align::Right, 4});
  wide.columns.push_back({"Kind unknown", "kind_unknown", Align::Left});
  Value& list = report.result["benchmarks"] = Value::array();
  for (const auto& id : c.ids) {
    const ModelRecord& m = c.models.require(id);
    std::vector<TableCell> row = {m.name};
    std::string unknown;
    for (const auto& [code, title] : benchmarks) {
      for (const char* kind : kinds) {
        const auto found = reported(scores, id, code, kind);
        if (std::string(kind) != "unspecified") row.push_back(found ? TableCell(found->value) : TableCell());
        if (!found) continue;
        if (std::string(kind) == "unspecified")
          unknown += fmt::format("{}{} {}", unknown.empty() ? "" : "; ", title, format_number(found->value, 4));
        all.rows.push_back({m.name, std::string(title), std::string(kind), found->value, found->low, found->high,
                            static_cast<std::int64_t>(found->reports), text_cell(found->shots), found->source});
        list.push_back(Value::object({{"model", m.name},
                                      {"benchmark", code},
                                      {"kind", kind},
                                      {"score", found->value},
                                      {"low", found->low},
                                      {"high", found->high},
                                      {"reports", found->reports},
                                      {"source", found->source}}));
      }
    }
    row.push_back(text_cell(unknown));
    wide.rows.push_back(std::move(row));
  }
  return {wide, all};
}

}  // namespace

const std::vector<std::string>& cohort_with_architecture() {
  static const std::vector<std::string> ids = {
      "llama-2-7b", "llama-2-13b", "llama-2-70b", "gemma-7b",    "command-r",    "dbrx",   "mixtral-8x22b",
      "llama-3-8b", "llama-3-70b", "phi-3-mini",  "phi-3-small", "phi-3-medium", "arctic", "deepseek-v2"};
  return ids;
}

const std::vector<std::string>& cohort_behind_interface() {
  static const std::vector<std::string> ids = {"claude-3-haiku", "claude-3-sonnet", "claude-3-opus", "gpt-3.5-turbo",
                                               "gpt-4"};
  return ids;
}

Report cohort_tables(const Settings& settings, const std::vector<std::string>& with, long draws) {
  const auto models = ModelCatalogue::load(settings.data);
  const auto scores = ScoreTable::load(settings.data);
  std::vector<std::string> ids = cohort_with_architecture();
  ids.insert(ids.end(), cohort_behind_interface().begin(), cohort_behind_interface().end());
  for (const auto& name : with)
    if (const std::string id = models.require(name).id; std::find(ids.begin(), ids.end(), id) == ids.end())
      ids.push_back(id);
  CohortTables cohort{models, ids, settings.data, {}};

  Report report;
  report.command = "models cohort";
  const ReportTable corrections = correction_table(cohort);
  const ReportTable architectures = architecture_table(cohort, report);
  const auto [wide, all] = benchmark_tables(cohort, scores, report);
  const Report environment = run_command({"footprint", "--cohort", "--draws", std::to_string(draws)}, settings);
  ReportTable footprints = environment.tables.at(0), claims = environment.tables.at(1);
  footprints.title = "Training footprints, published against recomputed";
  claims.title = "What a widely read table of these footprints has wrong";
  report.tables = {architectures, wide, all, footprints, claims, corrections};
  report.result["environment"] = environment.result;

  double least_kv = 1e300, most_kv = 0, least_flop = 1e300, most_flop = 0;
  std::string least_kv_name, most_kv_name;
  std::size_t counted = 0, corrected = 0;
  for (const auto& entry : report.result.at("models").items()) {
    ++counted;
    corrected += !entry.at("corrected").text().empty();
    const double kv = entry.at("kv_bytes_per_token").number(), flop = entry.at("flops_per_token_forward").number();
    least_flop = std::min(least_flop, flop);
    most_flop = std::max(most_flop, flop);
    if (kv < least_kv) least_kv = kv, least_kv_name = entry.at("model").text();
    if (kv > most_kv) most_kv = kv, most_kv_name = entry.at("model").text();
  }
  report.headline = fmt::format(
      "{} architectures recounted: a token costs {} to {} GFLOP and {} kB ({}) to {} kB ({}) of cache, exact counts; "
      "{} of them carry a figure on which "
      "published sources disagree. {}",
      counted, format_number(least_flop / 1e9, 3), format_number(most_flop / 1e9, 3), format_number(least_kv / 1e3, 3),
      least_kv_name, format_number(most_kv / 1e3, 4), most_kv_name, corrected, environment.headline);
  report.inputs = {input_of(models.origin(), ids.size()), input_of(scores.origin(), all.rows.size())};
  for (const auto& input : environment.inputs)
    if (input.path != report.inputs[0].path || input.sha256 != report.inputs[0].sha256) report.inputs.push_back(input);
  report.assumptions = environment.assumptions;
  report.assumptions.push_back({"cache", "16 bits per element", "", "assumed"});
  report.assumptions.push_back({"training FLOP", "3 x the forward matrix products, causal pairs", "",
                                fmt::format("definition, at {} tokens", counted_context)});
  report.seed = environment.seed;
  if (!with.empty())
    report.warnings.push_back(
        "the footprint table holds the cohort alone; isoflop footprint MODEL gives that of another model");
  return report;
}

}  // namespace isoflop::app
