#include "isoflop/audit/score_rules.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "isoflop/number_text.h"

namespace isoflop::audit {
namespace {

// Guessing levels of tests with given answers, less what chance and normalisation take away: a likelihood score of a
// weak model may fall below guessing by several points (ARC: the longest answer wins).
double lowest_plausible(const std::string& benchmark) {
  static const std::map<std::string, double> lowest = {
      {"mmlu", 22},  {"mmlu_micro", 22},   {"mmlu_redux", 22}, {"winogrande", 45},     {"hellaswag", 22},
      {"arc_c", 15}, {"arc_c_choice", 15}, {"mmlu_pro", 7},    {"truthfulqa_mc2", 25}, {"xwinograd", 45}};
  const auto found = lowest.find(benchmark);
  return found == lowest.end() ? 0 : found->second;
}

// Tests with given answers hardly move by chat training; written answers (GSM8K, HumanEval) are usually published for
// the chat model only, so that a chat value there is custom rather than a mistake.
bool is_multiple_choice(const std::string& benchmark) { return lowest_plausible(benchmark) > 0; }

struct Spread {
  double low = 0, high = 0, nearest = 0;
  std::size_t n = 0;
  const ScoreRecord* nearest_record = nullptr;
  double distance() const { return std::fabs(nearest); }
};

Spread spread_of(const std::vector<const ScoreRecord*>& scores, double value, const std::string& kind,
                 const ScoreRecord* leave_out) {
  Spread spread;
  for (const auto* s : scores) {
    if (s == leave_out || (!kind.empty() && s->kind != kind)) continue;
    if (spread.n == 0 || std::fabs(s->value - value) < spread.distance()) {
      spread.nearest = s->value - value;
      spread.nearest_record = s;
    }
    spread.low = spread.n == 0 ? s->value : std::min(spread.low, s->value);
    spread.high = spread.n == 0 ? s->value : std::max(spread.high, s->value);
    ++spread.n;
  }
  return spread;
}

std::string range_text(const Spread& spread) {
  return spread.low == spread.high ? format_number(spread.low)
                                   : format_number(spread.low) + " to " + format_number(spread.high);
}

std::string source_text(const ScoreRecord& record) {
  return "[" + (record.original_source.empty() ? record.source : record.original_source) + "]";
}

// "Llama-2-13B" and "Llama-2-70B" are one series; "Danube3-0.5B" and "Danube-1.8B" are not.
std::string series_of(const std::string& name) {
  const std::size_t last_hyphen = name.rfind('-');
  return last_hyphen == std::string::npos ? name : name.substr(0, last_hyphen);
}

bool one_digit_apart(double a, double b) {
  const std::string left = format_number(a, 6), right = format_number(b, 6);
  if (left.size() != right.size()) return false;
  std::size_t differing = 0;
  for (std::size_t i = 0; i < left.size(); ++i) differing += left[i] != right[i];
  return differing == 1;
}

}  // namespace

void check_score_range(Auditor& auditor, const ScoreCell& score) {
  auditor.tested("score range");
  const auto fault = [&](Severity severity, const std::string& expected) {
    auditor.report(severity, Basis::Bounds, "score range", score.row, score.column, expected);
  };
  if (score.unit == "elo") {
    if (score.value < 500 || score.value > 1800) fault(Severity::Error, "a rating from 500 to 1800");
    return;
  }
  if (score.unit == "score_0_to_10") {
    if (score.value < 0 || score.value > 10) fault(Severity::Error, "a score from 0 to 10");
    return;
  }
  const double lowest = lowest_plausible(score.benchmark);
  if (score.value < 0 || score.value > 100)
    fault(Severity::Error, "0 to 100 percent" + slip_hint(score.value, std::max(1.0, lowest), 100));
  else if (score.value > 0 && score.value <= 1 && lowest > 1)
    fault(Severity::Error,
          "percent, 0 to 100; this looks like a share of 1 (" + format_number(100 * score.value) + " %?)");
  else if (score.value < lowest)
    fault(Severity::Warning, "at least " + format_number(lowest) + " percent, a little below guessing");
}

void check_score_against_catalogue(Auditor& auditor, const ScoreCell& score) {
  const ModelRecord* model = auditor.references().models().find(score.model);
  if (!model) return;
  const auto& known = auditor.references().scores_of(model->id, score.benchmark);
  if (known.empty() || score.benchmark == "arena_elo") return;
  auditor.tested("differs from catalogue");
  const auto base = spread_of(known, score.value, "base", nullptr),
             chat = spread_of(known, score.value, "instruct", nullptr);
  if (score.kind.empty() && base.n > 0 && base.distance() > 0.05 && chat.n > 0 && chat.distance() <= 0.05) {
    const bool multiple_choice = is_multiple_choice(score.benchmark);
    if (base.distance() > 1)
      auditor.report(!multiple_choice      ? Severity::Note
                     : base.distance() > 3 ? Severity::Error
                                           : Severity::Warning,
                     Basis::Catalogue, "chat score", score.row, score.column,
                     "a base score (" + range_text(base) +
                         "), or a column that says which variant was tested; this is the chat model's " +
                         source_text(*chat.nearest_record));
    return;
  }
  const std::string kind = score.kind == "base" || score.kind == "instruct" ? score.kind : "";
  // The record that agrees exactly is taken to be the same report; the others must not contradict it.
  const auto same = spread_of(known, score.value, kind, nullptr);
  if (same.n == 0) return;
  const ScoreRecord* own = same.distance() <= 0.005 ? same.nearest_record : nullptr;
  // A report that the catalogue has on file, with its conflicts, needs no second mention.
  if (own && !score.source.empty() &&
      (score.source.rfind(own->source, 0) == 0 || own->source.rfind(score.source, 0) == 0))
    return;
  const auto others = spread_of(known, score.value, own ? own->kind : kind, own);
  if (others.n == 0 || others.distance() <= 4) return;
  std::string expected = range_text(others) + " as others report " + source_text(*others.nearest_record);
  if (one_digit_apart(score.value, others.nearest_record->value)) expected += " (one digit differs: a typing error?)";
  // Two reports that differ by some points are one harness against another; more is a mistake somewhere.
  auditor.report(others.distance() > 6 ? Severity::Error : Severity::Warning, Basis::Catalogue,
                 own ? "sources contradict" : "differs from catalogue", score.row, score.column, expected);
}

void check_family_order(Auditor& auditor, const std::vector<RankedScore>& scores) {
  struct Sized {
    const RankedScore* score;
    double params;
  };
  std::map<std::string, std::vector<Sized>> groups;
  for (const auto& ranked : scores) {
    const ModelRecord* model = auditor.references().models().find(ranked.score.model);
    // Larger models repeat more common falsehoods: TruthfulQA orders nothing (Lin et al. 2022, arXiv:2109.07958).
    if (!model || !model->params_total() || ranked.score.benchmark == "truthfulqa_mc2") continue;
    groups[series_of(model->name) + "|" + ranked.score.benchmark + "|" + ranked.setting].push_back(
        {&ranked, static_cast<double>(*model->params_total())});
  }
  for (const auto& [key, members] : groups)
    for (const auto& small : members) {
      const Sized* beaten = nullptr;
      for (const auto& large : members) {
        auditor.tested("family order");
        if (large.params > 1.7 * small.params && small.score->score.value > large.score->score.value + 10 &&
            (!beaten || large.score->score.value < beaten->score->score.value))
          beaten = &large;
      }
      if (beaten)
        auditor.report(
            Severity::Warning, Basis::Itself, "family order", small.score->score.row, small.score->score.column,
            "at most about " + format_number(beaten->score->score.value) + ", the score of the " +
                format_number(beaten->params / small.params, 2) + " times larger " + beaten->score->score.model);
    }
}

}  // namespace isoflop::audit
