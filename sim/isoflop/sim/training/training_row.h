// A row of a table of measured training runs while it is read: its cells, and what is made of them piece by piece.
// Internal to the reader.
#pragma once
#include <cmath>
#include <string>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/sim/training/table_fields.h"
#include "isoflop/sim/training/training_table.h"

namespace isoflop::sim {

/// "80 GB" of these devices' data sheets are 80 GiB.
inline constexpr double gibibytes = 1.073741824;

struct TrainingRow {  ///< Cells of one row by the names of their columns.
  const CsvTable& table;
  std::size_t row = 0;
  ExtraFields extra;    ///< of the column of that name
  bool memory = false;  ///< the row states a peak of memory, not a speed

  std::string text(const char* column) const { return std::string(table.text(row, table.column(column))); }
  std::optional<double> number(const char* column) const { return table.number(row, table.column(column)); }
  std::int64_t whole_or(const char* column, std::int64_t absent) const {
    const auto value = number(column);
    return value ? static_cast<std::int64_t>(std::llround(*value)) : absent;
  }
};

/// Parallel sizes, sharding, recomputation and batch; what the row leaves open is chosen and listed as assumed. The
/// sample has its model and hardware already. Throws TableRefusal for a layout that cannot be.
void read_layout(const TrainingRow& row, TrainingSample& sample);
/// For rows of memory that say nothing of sharding, recomputation or states: the least of each with which the run fits
/// its device, mixed precision before states in 16 bits.
void choose_unstated(const TrainingRow& row, TrainingSample& sample);

/// How the figure of the row's metric follows from tokens per second and device, in the convention of its source.
/// Throws TableRefusal for a metric that is not supported.
void set_conversion(TrainingSample& sample);

}  // namespace isoflop::sim
