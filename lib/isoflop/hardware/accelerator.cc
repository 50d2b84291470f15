#include "isoflop/hardware/accelerator.h"

#include "isoflop/catalogue/named_records.h"

namespace isoflop {
namespace {

template <auto Member>
Field<Accelerator> field(const char* column, int exponent = 0) {
  return field_of<Member, Accelerator>(column, exponent);
}

using A = Accelerator;

}  // namespace

const std::vector<Field<A>>& accelerator_fields() {
  static const std::vector<Field<A>> fields = {
      field<&A::id>("id"),
      field<&A::name>("name"),
      field<&A::name>("device"),
      field<&A::aliases>("aliases"),
      field<&A::vendor>("vendor"),
      field<&A::year>("year"),
      field<&A::fp32_flop_per_s>("fp32_tflop_per_s", 12),
      field<&A::bf16_flop_per_s>("bf16_tflop_per_s", 12),
      field<&A::fp16_flop_per_s>("fp16_tflop_per_s", 12),
      field<&A::fp8_flop_per_s>("fp8_tflop_per_s", 12),
      field<&A::int8_op_per_s>("int8_top_per_s", 12),
      field<&A::fp4_flop_per_s>("fp4_tflop_per_s", 12),
      field<&A::memory_bytes>("memory_gb", 9),
      field<&A::memory_type>("memory_type"),
      field<&A::bandwidth_bytes_per_s>("memory_bandwidth_gb_per_s", 9),
      field<&A::tdp_w>("tdp_w"),
      field<&A::intra_node_bytes_per_s>("intra_node_link_gb_per_s_per_direction", 9),
      field<&A::intra_node_remark>("intra_node_link_remark"),
      field<&A::inter_node_bytes_per_s>("inter_node_link_gb_per_s_per_direction", 9),
      field<&A::multiprocessors>("multiprocessors"),
      field<&A::measured_bf16_matmul_flop_per_s>("measured_bf16_matmul_tflop_per_s", 12),
      field<&A::measured_source>("measured_source"),
      field<&A::price_usd_per_hour>("price_usd_per_hour"),
      field<&A::price_source>("price_source"),
      field<&A::price_confidence>("price_confidence"),
      field<&A::source>("source"),
      field<&A::confidence>("confidence"),
      field<&A::unverified_fields>("unverified_fields"),
      field<&A::note>("note"),
  };
  return fields;
}

std::optional<double> Accelerator::peak_flop_per_s(NumberFormat format) const {
  switch (format) {
    case NumberFormat::Fp32: return fp32_flop_per_s;
    case NumberFormat::Bf16: return bf16_flop_per_s;
    case NumberFormat::Fp16: return fp16_flop_per_s;
    case NumberFormat::Fp8: return fp8_flop_per_s;
    case NumberFormat::Int8: return int8_op_per_s;
    case NumberFormat::Fp4: return fp4_flop_per_s;
  }
  return std::nullopt;
}

AcceleratorCatalogue AcceleratorCatalogue::load(const DataFolder& folder) {
  return from(open_data_table("accelerators.csv", folder));
}

AcceleratorCatalogue AcceleratorCatalogue::from(const CsvTable& table) {
  if (!table.find_column("id") && !table.find_column("device")) table.column("id");
  const std::size_t memory = table.column("memory_gb"), bandwidth = table.column("memory_bandwidth_gb_per_s");
  const auto basis = table.find_column("intra_node_link_basis");
  AcceleratorCatalogue catalogue;
  catalogue.origin_ = origin_of(table);
  catalogue.records_ = read_records(table, accelerator_fields());
  for (std::size_t i = 0; i < catalogue.records_.size(); ++i) {
    Accelerator& record = catalogue.records_[i];
    for (const std::size_t column : {memory, bandwidth})
      if (table.required_number(i, column) <= 0) table.reject(i, column, "is not positive");
    if (basis) record.intra_node_is_per_device = table.text(i, *basis) != "link";
    name_record(catalogue.names_, catalogue.records_, i, table, "device");
  }
  return catalogue;
}

std::vector<std::string> AcceleratorCatalogue::ids() const { return ids_of(records_); }

const Accelerator* AcceleratorCatalogue::find(std::string_view name) const {
  const auto found = names_.find(name);
  return found ? &records_[*found] : nullptr;
}

const Accelerator& AcceleratorCatalogue::require(std::string_view name) const {
  return records_[names_.require("accelerator", name, ids())];
}

}  // namespace isoflop
