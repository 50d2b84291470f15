// A loss law as data: formula, parameter table, citation, published constants and one published prediction that the
// constants must reproduce. A law is one file laws/NAME.cc plus one line in loss_law.cc. Formulas are written once, as
// templates on the scalar, so that derivatives come from automatic differentiation; this header shows numbers only.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isoflop::fits {

/// How a published number reached us.
enum class Evidence {
  Verified,       ///< in the authors' own code or data, or recomputed from them
  Transcription,  ///< from somebody's notes on the paper: check against the paper before relying on it
  Unverified,     ///< no source could be consulted
};
std::string evidence_name(Evidence evidence);  ///< "verified", "transcription", "unverified".

/// How a parameter enters the formula while the others stand still. The fit solves linear ones directly.
enum class Entry { Nonlinear, Linear, LinearInLogOutput };

struct LawParameter {  ///< A parameter: name, unit, where a fit searches, how it enters.
  std::string name;     ///< "alpha"
  std::string unit;     ///< "" for pure numbers
  std::string meaning;
  double low = 0, high = 0;   ///< where the fit searches; a start may lie anywhere between
  bool positive = false;      ///< searched and fitted as its logarithm
  Entry entry = Entry::Nonlinear;
};

struct LawInput {  ///< An input: what is counted, in which column, over which span.
  std::string name;     ///< "N"
  std::string column;   ///< column of a runs file: "params"
  std::string unit;
  std::string meaning;  ///< what exactly is counted
  double low = 0, high = 0;  ///< span of the experiments the form was made for, where known
  bool logarithmic = true;   ///< spaced evenly in its logarithm
};

/// Bounds of the experiments behind a set of constants; empty where the source does not say.
struct FittedRange {
  std::optional<double> compute_low_flop, compute_high_flop, params_low, params_high, tokens_low, tokens_high;
};

struct PublishedConstants {  ///< A value for every parameter, with source and evidence.
  std::string id;                       ///< "hoffmann", unique over all laws
  std::vector<double> values;           ///< unrounded where known, in the order of the parameter table
  Evidence evidence = Evidence::Unverified;
  std::string source;
  std::string note;                     ///< what a user must know; may be empty
  std::vector<std::optional<double>> standard_errors;  ///< as published, or empty
  FittedRange range;
};

/// A published statement and what this law's constants give for it.
struct SelfTest {
  std::string claim;          ///< with its source
  double computed = 0;
  double low = 0, high = 0;   ///< the published number, give or take half a unit of its last digit
  Evidence evidence = Evidence::Unverified;
  std::string remark;         ///< why it fails, where it does

  bool reproduced() const { return computed >= low && computed <= high; }
};

struct LawFacts {  ///< Everything about a law but its formula in code.
  std::string id;        ///< "chinchilla"
  std::string title;
  std::string formula;   ///< as text
  std::string output;    ///< "loss"
  std::string output_unit;
  std::string citation;
  std::string counts;    ///< what N, D and C count
  std::string note;      ///< limits of the form; may be empty
  std::vector<LawInput> inputs;
  std::vector<LawParameter> parameters;
  std::vector<PublishedConstants> published;  ///< the first is the default
  bool positive_output = true;  ///< fits use the logarithm of the output
  /// Share of N that a token uses, so that training costs 6 share N D FLOP; absent: all of it.
  double (*active_share)(std::span<const double> inputs) = nullptr;
  /// Why no budget should be planned with the published constants; empty when nothing speaks against it.
  std::string no_planning;
};

/// Immutable; all laws live as long as the program. Inputs and parameters are in the order of the tables.
class LossLaw {
 public:
  virtual ~LossLaw() = default;
  const LawFacts& facts() const { return facts_; }

  /// Output in facts().output_unit; nothing is checked.
  virtual double value(std::span<const double> inputs, std::span<const double> parameters) const = 0;
  /// Also fills `gradient` (one slot per parameter) with the derivatives by the parameters, exactly.
  virtual double value(std::span<const double> inputs, std::span<const double> parameters,
                       std::span<double> gradient) const = 0;
  virtual SelfTest self_test() const = 0;

  /// Place of an input by name or column; nothing when there is none.
  std::optional<std::size_t> input(std::string_view name) const;
  std::size_t parameter(std::string_view name) const;  ///< throws Error (Usage) when there is none
  const PublishedConstants* find_constants(std::string_view id) const;

 protected:
  explicit LossLaw(LawFacts facts) : facts_(std::move(facts)) {}

 private:
  LawFacts facts_;
};

/// Every law there is, in the order of `laws list`.
const std::vector<const LossLaw*>& loss_laws();

/// A law with numbers in it.
struct LawChoice {
  const LossLaw* law = nullptr;
  const PublishedConstants* constants = nullptr;
};

/// A law by its id (with its default constants, if it has any) or a set of constants by theirs.
/// Throws Error (Usage) with "did you mean".
LawChoice choose_law(std::string_view name);

}  // namespace isoflop::fits
