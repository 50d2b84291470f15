// `isoflop check`: what in a data table cannot be right, contradicts itself, or contradicts the catalogue.
// The table is recognised by its columns; every rule that its columns allow is applied to every row.
#pragma once
#include "isoflop/audit/finding.h"
#include "isoflop/audit/references.h"
#include "isoflop/catalogue/csv_table.h"

namespace isoflop::audit {

/// "models", "score rows", "score columns", "footprints", "runs", "accelerators", "grids", "data centres", "embodied",
/// "exact counts", or "other" when the columns fit none: then only the rules on form apply.
std::string table_kind(const CsvTable& table);

/// Unreadable cells are findings; only a table that is no CSV file throws, and does so in CsvTable::parse.
/// A finding that data/known_findings.csv lists (same file name, item, column, rule and value read) is marked accepted.
AuditReport audit(const CsvTable& table, References& references, const DataFolder& folder = {});

}  // namespace isoflop::audit
