#include "isoflop/sim/op/op_table.h"

#include <algorithm>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/op/kernel_format.h"

namespace isoflop::sim {
namespace {

/// A row that cannot be priced; becomes a RefusedRow.
struct Refusal {
  std::string reason;
};

// Timer resolution and rounding of published peaks; anything beyond is a wrong unit.
constexpr double bound_tolerance = 1.02;

class Reader {
 public:
  explicit Reader(const CsvTable& table) : table_(table) {}
  double number(std::size_t row, const char* column) const {
    const double value = table_.required_number(row, table_.column(column));
    return value;
  }
  double positive(std::size_t row, const char* column) const {
    const double value = number(row, column);
    if (!(value > 0)) table_.reject(row, table_.column(column), "is not positive");
    return value;
  }
  std::string text(std::size_t row, const char* column) const {
    return std::string(table_.text(row, table_.column(column)));
  }
  std::string optional_text(std::size_t row, const char* column) const {
    const auto found = table_.find_column(column);
    return found ? std::string(table_.text(row, *found)) : std::string();
  }

 private:
  const CsvTable& table_;
};

KernelFormat format_of(const std::string& word) {
  const auto format = kernel_format_named(word);
  if (!format) throw Refusal{"number format \"" + word + "\" is not modelled"};
  return *format;
}

OpShape gemm_row(const Reader& read, std::size_t row) {
  GemmShape shape;
  shape.m = static_cast<std::int64_t>(read.positive(row, "m"));
  shape.n = static_cast<std::int64_t>(read.positive(row, "n"));
  shape.k = static_cast<std::int64_t>(read.positive(row, "k"));
  shape.format = format_of(read.text(row, "dtype"));
  return shape;
}

using RowReader = OpShape (*)(const Reader&, std::size_t);
struct TableKind {
  std::string name;
  std::vector<std::string> columns;
  RowReader read;
};

const std::vector<TableKind>& kinds() {
  static const std::vector<TableKind> all = {
      {"op_gemm", {"m", "n", "k"}, gemm_row},
  };
  return all;
}

// "github.com/owner/repo@commit:path" -> "owner/repo@commit"
std::string repository(std::string citation) {
  const std::string host = "github.com/";
  if (citation.rfind(host, 0) == 0) citation.erase(0, host.size());
  return citation.substr(0, citation.find(':'));
}

void check_bounds(OpSample& sample) {
  const OpCost cost = op_cost(sample.shape, sample.limits, generic_values(sample.key));
  if (sample.measured_s * bound_tolerance < cost.arithmetic_s)
    throw Refusal{"impossible: " + format_si(sample.measured_s, "s") + " measured, " + format_si(cost.arithmetic_s, "s") +
                  " at the chip's peak arithmetic; check the unit of the time and the number format"};
  if (sample.measured_s * bound_tolerance < cost.link_s)
    throw Refusal{"impossible: " + format_si(sample.measured_s, "s") + " measured, " + format_si(cost.link_s, "s") +
                  " at the full speed of the link; check whether the message is in bytes or elements"};
  sample.faster_than_memory = sample.measured_s * bound_tolerance < cost.floor_s;
}

}  // namespace

const std::vector<std::string>& op_table_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const auto& kind : kinds()) result.push_back(kind.name);
    return result;
  }();
  return names;
}

std::string op_table_kind_of(const CsvTable& table) {
  for (const auto& kind : kinds())
    if (table.find_column("latency_us") && std::all_of(kind.columns.begin(), kind.columns.end(), [&](const auto& column) {
          return table.find_column(column).has_value();
        }))
      return kind.name;
  return {};
}

OpSamples read_op_table(const std::string& kind_name, const CsvTable& table, const AcceleratorCatalogue& accelerators) {
  const auto kind = std::find_if(kinds().begin(), kinds().end(), [&](const TableKind& k) { return k.name == kind_name; });
  if (kind == kinds().end()) throw unknown_name("table of operations", kind_name, op_table_kinds());
  const Reader read(table);
  for (const auto& column : kind->columns) table.column(column);
  OpSamples result;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    OpSample sample;
    sample.row_id = read.optional_text(row, "row_id");
    if (sample.row_id.empty()) sample.row_id = "line " + std::to_string(table.line(row));
    sample.measured_s = 1e-6 * read.positive(row, "latency_us");
    try {
      const std::string hardware = read.text(row, "hardware");
      const Accelerator* accelerator = accelerators.find(hardware);
      if (!accelerator) throw Refusal{"accelerator \"" + hardware + "\" is not in the catalogue"};
      sample.accelerator = sample.chip = accelerator->id;
      sample.shape = kind->read(read, row);
      sample.key = key_of(sample.shape);
      // Rows without a group stand alone.
      sample.group = read.optional_text(row, "group");
      if (sample.group.empty()) sample.group = sample.row_id;
      sample.source = repository(read.optional_text(row, "citation"));
      try {
        sample.limits = limits_for(sample.shape, *accelerator);
      } catch (const Error& problem) {
        throw Refusal{problem.what()};
      }
      check_bounds(sample);
      result.samples.push_back(std::move(sample));
    } catch (const Refusal& refusal) {
      result.refused.push_back({sample.row_id, refusal.reason});
    }
  }
  return result;
}

}  // namespace isoflop::sim
