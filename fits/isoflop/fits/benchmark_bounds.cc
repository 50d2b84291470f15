#include "isoflop/fits/benchmark_bounds.h"

#include <cmath>

#include "isoflop/error.h"

namespace isoflop::fits {
namespace {

struct Row {
  const char* code;
  const char* title;
  double floor, ceiling;
  const char* floor_source;
};

constexpr const char* options_shown = "guessing among the options of the test";
constexpr const char* free_answer = "answers are generated, so guessing scores about 0";

constexpr Row rows[] = {
    {"mmlu", "MMLU", 25, 96, "guessing among four options"},
    {"mmlu_micro", "MMLU (micro average)", 25, 96, "guessing among four options"},
    {"mmlu_redux", "MMLU-Redux", 25, 100, "guessing among four options"},
    {"mmlu_pro", "MMLU-Pro", 10, 100, "guessing among ten options"},
    {"mmlu_interconnects_plot", "MMLU (read off a plot)", 25, 96, "guessing among four options"},
    {"arc_c", "ARC-Challenge", 25, 100, options_shown},
    {"arc_c_choice", "ARC-Challenge (options shown)", 25, 100, options_shown},
    {"hellaswag", "HellaSwag", 25, 100, options_shown},
    {"winogrande", "WinoGrande", 50, 100, options_shown},
    {"xwinograd", "XWinograd", 50, 100, options_shown},
    {"truthfulqa_mc2", "TruthfulQA (mc2)", 0, 100, "a probability mass, without a level of guessing"},
    {"gsm8k", "GSM8K", 0, 100, free_answer},
    {"humaneval", "HumanEval", 0, 100, free_answer},
    {"triviaqa", "TriviaQA", 0, 100, free_answer},
    {"bbh", "BIG-Bench Hard", 0, 100, "assumed; its tasks differ in their level of guessing"},
};

constexpr double percent_noise = 1.5, rating_noise = 10, chat_score_noise = 0.2;

}  // namespace

KeyErrors mmlu_key_errors(const DataFolder& folder) {
  const CsvTable table = open_data_table("mmlu_subject_quality.csv", folder);
  KeyErrors errors;
  const auto number = [&](std::size_t row, const char* column) {
    return table.required_number(row, table.column(column));
  };
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double questions = number(row, "test_questions"), share = questions / number(row, "questions_checked");
    errors.questions += questions;
    errors.wrong_key += share * number(row, "wrong_key");
    errors.no_correct_answer += share * number(row, "no_correct_answer");
    errors.several_correct += share * number(row, "several_correct_answers");
    errors.unclear += share * (number(row, "unclear_question") + number(row, "unclear_options"));
  }
  if (!(errors.questions > 0))
    throw Error(Fault::BadInput, table.name() + ": no test questions; expected one row per subject");
  for (double* part : {&errors.wrong_key, &errors.no_correct_answer, &errors.several_correct, &errors.unclear})
    *part *= 100 / errors.questions;
  errors.ceiling =
      100 - errors.wrong_key - 0.75 * errors.no_correct_answer - 0.5 * errors.several_correct - 0.5 * errors.unclear;
  return errors;
}

BenchmarkFacts benchmark_facts(const std::string& code, const DataFolder& folder) {
  BenchmarkFacts facts;
  facts.code = facts.title = code;
  facts.unit = "points";
  facts.noise = percent_noise;
  facts.noise_source = "assumed: published values of one checkpoint differ by 1 to 2 points between harnesses";
  if (code == "arena_elo") {
    facts.title = "Arena rating";
    facts.unit = "Elo";
    facts.noise = rating_noise;
    facts.noise_source = "assumed: about half a published 95 % interval of the smaller vote counts";
    facts.bounds.most = 1e6;
    facts.loss_scale = 50;
    facts.least_scale = 5;
    return facts;
  }
  if (code == "mt_bench") {
    facts.title = "MT-Bench";
    facts.unit = "of 10";
    facts.bounds = {1, 10, 10};
    facts.floor_source = facts.ceiling_source = "the scale of the judge, 1 to 10";
    facts.noise = chat_score_noise;
    facts.noise_source = "assumed";
    facts.loss_scale = 0.5;
    facts.least_scale = 0.05;
    return facts;
  }
  for (const Row& row : rows) {
    if (code != row.code) continue;
    facts.title = row.title;
    facts.bounds = {row.floor, row.ceiling, 100};
    facts.floor_source = row.floor_source;
    facts.ceiling_source = "the scale ends at 100; errors in the answer key are not known";
    if (code == "mmlu" || code == "mmlu_micro") {
      facts.bounds.ceiling = std::round(mmlu_key_errors(folder).ceiling);
      facts.ceiling_source =
          "errors counted by MMLU-Redux 2.0 (arXiv:2406.04127, CC BY 4.0), weighted by subject, whole percent";
    }
  }
  return facts;
}

}  // namespace isoflop::fits
