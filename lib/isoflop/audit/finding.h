// What an audit of a data table found: where, what was read, what was expected, and by which rule.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace isoflop::audit {

enum class Severity {  ///< How bad it is.
  Note,     ///< worth knowing; nothing is wrong
  Warning,  ///< unusual; someone should look
  Error,    ///< cannot be right
};

/// What the finding rests on.
enum class Basis {
  Itself,     ///< values of the table contradict each other
  Bounds,     ///< a value no known model, device or grid has
  Catalogue,  ///< our catalogue as second source says otherwise
};

constexpr std::string_view word(Severity severity) {  ///< "error", "warning", "note".
  return severity == Severity::Error ? "error" : severity == Severity::Warning ? "warning" : "note";
}
constexpr std::string_view word(Basis basis) {  ///< "itself", "bounds", "catalogue".
  return basis == Basis::Itself ? "itself" : basis == Basis::Bounds ? "bounds" : "catalogue";
}

struct Finding {
  Severity severity = Severity::Error;
  Basis basis = Basis::Itself;
  std::string rule;
  std::size_t line = 0;    ///< of the file, from 1
  std::size_t column = 0;  ///< from 1; 0 = the whole row
  std::string column_name;
  std::string item;  ///< name of the row
  std::string read;
  std::string expected;
  std::string accepted;  ///< why this finding is known and accepted (data/known_findings.csv); else empty
};

/// How often a rule was applied, so that silence means something.
struct RuleUse {
  std::string rule;
  std::size_t tested = 0;
  std::size_t found = 0;
};

inline constexpr std::size_t most_kept_findings = 20000;

struct AuditReport {  ///< All findings of one table, and how often each rule was applied.
  std::string kind;  ///< what the table was taken for
  std::size_t rows = 0;
  std::vector<Finding> findings;  ///< in file order
  std::vector<RuleUse> rules;
  /// A hopeless file has more findings than anyone reads; beyond `most_kept_findings` they are only counted.
  std::array<std::size_t, 3> not_kept{};

  /// Findings of that severity that are not accepted, those not kept included.
  std::size_t count(Severity severity) const;
};

}  // namespace isoflop::audit
