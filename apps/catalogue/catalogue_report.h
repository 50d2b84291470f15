// Facts with their sources as a table and as JSON: what every `show` command prints.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/record_fields.h"
#include "isoflop/report/report.h"

namespace isoflop::app {

/// One published value. `key` names it in JSON and carries the unit; `words` is what people read.
struct Fact {
  std::string words;
  std::string key;
  TableCell value;
  std::string unit;
  std::string source;
  std::string confidence;
};

/// Collects facts; unknown values are kept as unknown, so that a missing price or token count is seen to be missing.
class FactSheet {
 public:
  /// The source and confidence of the facts added after this call.
  void source(std::string source, std::string confidence = {});
  void text(const std::string& words, const std::string& key, const std::string& value);
  void count(const std::string& words, const std::string& key, std::optional<std::int64_t> value,
             const std::string& unit = {});
  void number(const std::string& words, const std::string& key, std::optional<double> value,
              const std::string& unit = {});
  void truth(const std::string& words, const std::string& key, std::optional<bool> value);
  /// As above, but nothing is added for an unknown value: for facts most records do not have.
  void count_if_known(const std::string& words, const std::string& key, std::optional<std::int64_t> value,
                      const std::string& unit = {});

  ReportTable table(const std::string& title) const;
  /// {key: value, ...}
  Value values() const;
  /// {key: {"source", "confidence"}, ...} for every known value.
  Value sources() const;

 private:
  void add(const std::string& words, const std::string& key, TableCell value, const std::string& unit);
  std::vector<Fact> facts_;
  std::string source_, confidence_;
};

ReportInput input_of(const TableOrigin& origin, std::size_t rows_used);

}  // namespace isoflop::app
