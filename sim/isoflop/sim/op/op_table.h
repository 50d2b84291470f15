// Tables of measured kernel calls (op_gemm, op_attention, op_moe, op_comm, op_elementwise) as shapes with times.
// Every row is held against a physical bound before anything is fitted. A call that beats the arithmetic peak or the
// link it must cross by a quarter has a wrong unit or a wrong column and is refused; one that beats it by less (a send
// that returns before it has arrived, a boosted clock) is predicted but not fitted to.
#pragma once
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/hardware/interconnect.h"
#include "isoflop/sim/op/op_model.h"
#include "isoflop/sim/op/shapes.h"

namespace isoflop::sim {

struct OpSample {  ///< One measured call.
  std::string row_id, group;
  std::string accelerator;  ///< id in the catalogue
  std::string chip;         ///< the same, or the id of the cluster for a collective
  std::string source;   ///< repository at commit
  OpKey key;
  OpShape shape;
  DeviceLimits limits;
  double measured_s = 0;
  bool faster_than_memory = false;  ///< operands came from a cache
  std::string suspect;              ///< why a row is predicted but not fitted to; empty for most
};

struct RefusedRow {  ///< A row that is not used, and why.
  std::string row_id, reason;
};

struct OpSamples {  ///< Rows that can be predicted, and those that cannot.
  std::vector<OpSample> samples;
  std::vector<RefusedRow> refused;
  std::vector<std::string> notes;  ///< how columns were read where that is not plain
};

/// The tables' names: "op_gemm", "op_attention", "op_moe", "op_comm", "op_elementwise".
const std::vector<std::string>& op_table_kinds();

/// Which of them has these columns; empty when none.
std::string op_table_kind_of(const CsvTable& table);

/// Throws Error (BadInput) for a missing column or a cell that is no number; rows that can be read but not priced
/// (unknown chip, format without a peak, impossible time) are refused with a reason.
OpSamples read_op_table(const std::string& kind, const CsvTable& table, const DataFolder& data = {});

}  // namespace isoflop::sim
