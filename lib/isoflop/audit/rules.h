// The rules of an audit, one function per kind of table. Each reads what columns there are and leaves out what it
// cannot test. Internal to the library.
#pragma once
#include "isoflop/audit/auditor.h"

namespace isoflop::audit {

/// Any table: repeated rows, columns that are copies of each other, dates, confidence words, values without source.
void check_form(Auditor& auditor);

/// Smaller-larger pairs (active and total parameters, key/value heads and heads ...): by row, and as swapped columns.
void check_order(Auditor& auditor);

/// Models: ranges, names against sizes, labels against dimensions, recount, 6ND, the catalogue.
void check_models(Auditor& auditor);

/// Exact parameter counts against the recount of the catalogue's dimensions.
void check_exact_counts(Auditor& auditor);

/// Scores, one per row (`model, benchmark, value`) or one column per benchmark (`mmlu_percent`).
void check_score_rows(Auditor& auditor);
void check_score_columns(Auditor& auditor);

/// Training footprints: device-hours against 6ND, energy and CO2 closures, power against the device.
void check_footprints(Auditor& auditor);

/// Training runs (params, tokens, loss).
void check_runs(Auditor& auditor);

/// Measured training runs, one figure a row: devices against the product of the parallel sizes, peaks of memory.
void check_measured_training(Auditor& auditor);

void check_accelerators(Auditor& auditor);
void check_grids(Auditor& auditor);
void check_datacentres(Auditor& auditor);
void check_embodied(Auditor& auditor);

}  // namespace isoflop::audit
