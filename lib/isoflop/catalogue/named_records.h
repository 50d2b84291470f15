// What the catalogues of models and of accelerators share: each record has an id, a printed name and other names, and
// no name may lead to two records.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/catalogue/name_index.h"

namespace isoflop {

/// The ids of all records, in their order.
template <typename Record>
std::vector<std::string> ids_of(const std::vector<Record>& records) {
  std::vector<std::string> ids;
  for (const auto& record : records) ids.push_back(record.id);
  return ids;
}

/// Enters a name of record `row`. Throws Error (BadInput) naming both lines when it already leads to another record.
template <typename Record>
void claim_name(NameIndex& names, const std::string& name, const std::vector<Record>& records, std::size_t row,
                const CsvTable& table) {
  if (const auto other = names.add(name, row))
    table.reject_row(row, "\"" + name + "\" already names " + records[*other].id + " in line " +
                              std::to_string(table.line(*other)));
}

/// Gives record `row` the id of its name, or the name of its id, where one is missing, and enters both with its
/// aliases. Throws Error (BadInput) when it has neither, or when another record has one of its names.
template <typename Record>
void name_record(NameIndex& names, std::vector<Record>& records, std::size_t row, const CsvTable& table,
                 std::string_view kind) {
  Record& record = records[row];
  if (record.id.empty()) record.id = catalogue_id(record.name);
  if (record.id.empty()) table.reject_row(row, "the " + std::string(kind) + " has no name");
  if (record.name.empty()) record.name = record.id;
  claim_name(names, record.id, records, row, table);
  claim_name(names, record.name, records, row, table);
  for (const auto& alias : record.aliases) claim_name(names, alias, records, row, table);
}

}  // namespace isoflop
