#include "isoflop/hardware/interconnect.h"

#include "isoflop/error.h"

namespace isoflop {

InterconnectCatalogue InterconnectCatalogue::from(const CsvTable& table) {
  InterconnectCatalogue catalogue;
  const auto positive = [&](std::size_t row, const char* column) {
    const std::size_t at = table.column(column);
    const double value = table.required_number(row, at);
    if (!(value > 0)) table.reject(row, at, "is not positive");
    return value;
  };
  const auto text = [&](std::size_t row, const char* column) {
    return std::string(table.text(row, table.column(column)));
  };
  for (std::size_t row = 0; row < table.rows(); ++row) {
    Interconnect record;
    record.id = text(row, "id");
    record.name = text(row, "name");
    record.accelerator = text(row, "accelerator");
    record.devices_per_node = static_cast<std::int64_t>(positive(row, "devices_per_node"));
    record.linked_devices = static_cast<std::int64_t>(positive(row, "linked_devices"));
    record.link_bytes_per_s = 1e9 * positive(row, "link_gb_per_s_per_direction");
    record.beyond_link_bytes_per_s = 1e9 * positive(row, "beyond_link_gb_per_s_per_direction");
    record.network_bytes_per_s = 1e9 * positive(row, "network_gb_per_s_per_direction");
    record.source = text(row, "source");
    record.confidence = text(row, "confidence");
    record.note = text(row, "note");
    catalogue.records_.push_back(std::move(record));
  }
  return catalogue;
}

InterconnectCatalogue InterconnectCatalogue::load(const DataFolder& folder) {
  return from(open_data_table("interconnects.csv", folder));
}

const Interconnect* InterconnectCatalogue::find(std::string_view id) const {
  for (const auto& record : records_)
    if (record.id == id) return &record;
  return nullptr;
}

}  // namespace isoflop
