#include "isoflop/fits/catalogue_scores.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "isoflop/error.h"

namespace isoflop::fits {
namespace {

int kind_rank(const std::string& kind, KindFilter filter) {
  const bool base = kind == "base", instruct = kind == "instruct";
  switch (filter) {
    case KindFilter::Base: return base ? 0 : -1;
    case KindFilter::Instruct: return instruct ? 0 : -1;
    case KindFilter::Any: return 0;
    case KindFilter::BaseFirst: return base ? 0 : kind == "base+sft" ? 2 : instruct ? 3 : 1;
  }
  return -1;
}

bool is_uniform(const ScoreRecord& record) { return record.harness == "obsscaling"; }

int harness_rank(const ScoreRecord& record, HarnessFilter filter) {
  switch (filter) {
    case HarnessFilter::Any: return is_uniform(record) ? 0 : 1;
    case HarnessFilter::Uniform: return is_uniform(record) ? 0 : -1;
    case HarnessFilter::Reported: return is_uniform(record) ? 1 : 0;
  }
  return -1;
}

int confidence_rank(const ScoreRecord& record) {
  if (record.preferred) return 0;
  return record.confidence == "verified" ? 1 : record.confidence == "unverified" ? 3 : 2;
}

bool is_rating(const ScoreTable& scores, const std::string& benchmark) {
  return std::any_of(scores.all().begin(), scores.all().end(),
                     [&](const ScoreRecord& r) { return r.benchmark == benchmark && r.unit == "elo"; });
}

/// Ratings of different dates are on different scales: the latest date among those with most models released in time.
std::string best_rating_date(const ScoreTable& scores, const std::string& benchmark,
                             const std::optional<double>& until) {
  std::map<std::string, std::set<std::string>> models;
  for (const ScoreRecord& record : scores.all()) {
    if (record.benchmark != benchmark || !record.usable()) continue;
    const auto date = decimal_year(record.date);
    if (until && (!date || *date > *until)) continue;
    models[record.date].insert(record.model);
  }
  std::string best;
  std::size_t most = 0;
  for (const auto& [date, rated] : models)
    if (rated.size() >= most) most = rated.size(), best = date;
  return best;
}

bool contains(const std::vector<std::string>& list, const std::string& value) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& item) { return comparable_name(item) == comparable_name(value); });
}

/// Any of the words occurs in the text, without regard to case.
bool mentions(const std::string& text, const std::vector<std::string>& words) {
  const auto lower = [](std::string s) {
    std::transform(s.begin(), s.end(), s.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return s;
  };
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return lower(text).find(lower(word)) != std::string::npos; });
}

void check_names(const ModelCatalogue& models, const ScoreSelection& selection) {
  std::vector<std::string> families, both = models.ids(), openness;
  for (const ModelRecord& model : models.all()) {
    families.push_back(model.family);
    openness.push_back(model.openness);
  }
  for (auto* list : {&families, &openness}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  both.insert(both.end(), families.begin(), families.end());
  for (const auto& name : selection.families)
    if (!contains(families, name)) throw unknown_name("family", name, families);
  for (const auto& name : selection.exclude)
    if (!models.find(name) && !contains(families, name)) throw unknown_name("model or family", name, both);
  for (const auto& name : selection.openness)
    if (!contains(openness, name)) throw unknown_name("openness", name, openness);
  for (const auto& range : selection.token_ranges) models.require(range.model);
}

class Selector {
 public:
  Selector(const ModelCatalogue& models, const ScoreTable& scores, const ScoreSelection& selection)
      : models_(models), scores_(scores), selection_(selection) {
    for (const auto& range : selection.token_ranges) range_of_[models.require(range.model).id] = range;
    for (const auto& name : selection.exclude)
      if (const ModelRecord* model = models.find(name)) excluded_.insert(model->id);
    for (const auto& benchmark : {selection.benchmark, selection.x_benchmark})
      if (!benchmark.empty() && is_rating(scores, benchmark))
        result_.rating_date = best_rating_date(scores, benchmark, selection.until);
  }

  SelectedScores run() {
    for (const ModelRecord& model : models_.all())
      if (wanted(model)) add(model);
    for (auto& [reason, names] : reasons_) result_.left_out.push_back({reason, std::move(names)});
    return std::move(result_);
  }

 private:
  bool wanted(const ModelRecord& model) const {
    if (!selection_.families.empty() && !contains(selection_.families, model.family)) return false;
    if (excluded_.count(model.id) || contains(selection_.exclude, model.family)) return false;
    if (!selection_.openness.empty() && !contains(selection_.openness, model.openness)) return false;
    if (!selection_.data_regimes.empty() && !mentions(model.data_regime, selection_.data_regimes)) return false;
    if (selection_.since || selection_.until) {
      const auto released = decimal_year(model.release_date);
      if (!released || (selection_.since && *released < *selection_.since) ||
          (selection_.until && *released > *selection_.until))
        return false;
    }
    return true;
  }

  void add(const ModelRecord& record) {
    const ScoreRecord* score = choose_score(scores_, record.id, selection_.benchmark, selection_.kind,
                                            selection_.harness, result_.rating_date);
    if (!score) {
      ++result_.without_score;
      return;
    }
    ScoredModel model;
    model.name = record.name;
    model.family = record.family;
    model.kind = score->kind.empty() ? "unspecified" : score->kind;
    model.score_source = score->source;
    model.score = score->value;
    model.release_year = decimal_year(record.release_date);
    model.active_params = active_params(record, selection_.convention);
    if (record.params_total()) model.total_params = static_cast<double>(*record.params_total());
    if (record.training_tokens) model.tokens = static_cast<double>(*record.training_tokens);
    if (const auto range = range_of_.find(record.id); range != range_of_.end()) {
      model.tokens_low = range->second.low;
      model.tokens_high = range->second.high;
      model.tokens = std::sqrt(range->second.low * range->second.high);
    }
    if (model.active_params && model.tokens)
      model.compute = selection_.flop_per_param_token * *model.active_params * *model.tokens;
    if (!selection_.x_benchmark.empty())
      if (const ScoreRecord* x = choose_score(scores_, record.id, selection_.x_benchmark, KindFilter::BaseFirst,
                                              selection_.harness, result_.rating_date))
        model.other = x->value;
    if (!usable(model, selection_.predictor)) {
      reasons_[missing(model)].push_back(record.name);
      return;
    }
    const bool by_compute = selection_.predictor == Predictor::Compute || selection_.predictor == Predictor::Tokens;
    if (by_compute && !selection_.fit_inherited && record.derived_from.rfind("pruned", 0) == 0)
      model.not_fitted = "the parent's compute is not counted (" + record.derived_from + ")";
    result_.models.push_back(std::move(model));
    result_.ids.push_back(record.id);
  }

  std::string missing(const ScoredModel& model) const {
    switch (selection_.predictor) {
      case Predictor::Compute:
        return !model.tokens ? "training tokens undisclosed" : "active parameters unknown in this convention";
      case Predictor::ActiveParams: return "active parameters unknown in this convention";
      case Predictor::TotalParams: return "total parameters undisclosed";
      case Predictor::Tokens: return "training tokens undisclosed";
      case Predictor::ReleaseDate: return "release date unknown";
      case Predictor::Other: return "no value of " + selection_.x_benchmark;
    }
    return {};
  }

  const ModelCatalogue& models_;
  const ScoreTable& scores_;
  const ScoreSelection& selection_;
  std::map<std::string, TokenRange> range_of_;
  std::set<std::string> excluded_;
  std::map<std::string, std::vector<std::string>> reasons_;
  SelectedScores result_;
};

}  // namespace

std::optional<double> active_params(const ModelRecord& model, Convention convention) {
  const auto count = [](const Count& value) {
    return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
  };
  if (convention == Convention::All) return count(model.params_active());
  if (convention == Convention::NonEmbedding) return count(model.params_active_nonembedding_recounted);
  if (!model.params_active_recounted || !model.vocabulary_size || !model.hidden_size) return std::nullopt;
  // A tied matrix stays, because it also is the head; learned positions are looked up like tokens.
  const auto width = model.embedding_projection_size ? *model.embedding_projection_size : *model.hidden_size;
  std::int64_t looked_up = model.tied_embeddings.value_or(false) ? 0 : *model.vocabulary_size * width;
  if (model.learned_position_rows) looked_up += *model.learned_position_rows * *model.hidden_size;
  return static_cast<double>(*model.params_active_recounted - looked_up);
}

const ScoreRecord* choose_score(const ScoreTable& scores, const std::string& model_id, const std::string& benchmark,
                                KindFilter kind, HarnessFilter harness, const std::string& rating_date) {
  using Rank = std::array<int, 3>;
  std::vector<std::pair<Rank, const ScoreRecord*>> ranked;
  for (const ScoreRecord* record : scores.of(model_id, benchmark)) {
    if (record->unit == "elo") {
      // Arena ratings are of chat models, whatever a base-first rule would wish.
      if (record->date == rating_date) ranked.push_back({{0, 0, 0}, record});
      continue;
    }
    const Rank rank{kind_rank(record->kind, kind), harness_rank(*record, harness), confidence_rank(*record)};
    if (rank[0] >= 0 && rank[1] >= 0) ranked.push_back({rank, record});
  }
  if (ranked.empty()) return nullptr;
  const Rank best = std::min_element(ranked.begin(), ranked.end(),
                                     [](const auto& a, const auto& b) { return a.first < b.first; })->first;
  std::vector<const ScoreRecord*> equals;
  for (const auto& [rank, record] : ranked)
    if (rank == best) equals.push_back(record);
  std::stable_sort(equals.begin(), equals.end(),
                   [](const ScoreRecord* a, const ScoreRecord* b) { return a->value < b->value; });
  return equals[(equals.size() - 1) / 2];
}

SelectedScores select_scores(const ModelCatalogue& models, const ScoreTable& scores, const ScoreSelection& selection) {
  const auto known = scores.benchmarks();
  for (const auto& benchmark : {selection.benchmark, selection.x_benchmark})
    if (!benchmark.empty() && std::find(known.begin(), known.end(), benchmark) == known.end())
      throw unknown_name("benchmark", benchmark, known);
  check_names(models, selection);
  return Selector(models, scores, selection).run();
}

}  // namespace isoflop::fits
