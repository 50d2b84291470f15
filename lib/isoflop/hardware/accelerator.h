// What a device is: published peaks, memory, links and price. A description that computes nothing.
// Peaks are dense (the sparse figures of data sheets are twice as high) and per device; SI units throughout.
// Traps: A100 40 GB and 80 GB differ in bandwidth; NVLink is given per direction; an MI250X is two dies.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "isoflop/catalogue/data_files.h"
#include "isoflop/catalogue/name_index.h"
#include "isoflop/catalogue/record_fields.h"
#include "isoflop/hardware/number_format.h"

namespace isoflop {

struct Accelerator {
  std::string id;    ///< "h100-sxm-80gb"
  std::string name;  ///< as printed
  std::vector<std::string> aliases;
  std::string vendor;
  std::optional<std::int64_t> year;
  std::optional<double> fp32_flop_per_s, bf16_flop_per_s, fp16_flop_per_s, fp8_flop_per_s, int8_op_per_s,
      fp4_flop_per_s;
  double memory_bytes = 0;
  std::string memory_type;
  double bandwidth_bytes_per_s = 0;  ///< of the memory
  std::optional<double> tdp_w;
  std::optional<double> intra_node_bytes_per_s;  ///< per direction
  /// True when the figure above is the sum over the device's links, false when it is one link.
  bool intra_node_is_per_device = true;
  std::string intra_node_remark;
  std::optional<double> inter_node_bytes_per_s;  ///< per direction and device
  std::optional<std::int64_t> multiprocessors;   ///< SM or CU
  std::optional<double> measured_bf16_matmul_flop_per_s;
  std::string measured_source;
  std::optional<double> price_usd_per_hour;
  std::string price_source, price_confidence;
  std::string source, confidence, unverified_fields, note;

  /// Dense peak for the format; nothing where the vendor states none.
  std::optional<double> peak_flop_per_s(NumberFormat format) const;
};

/// Every column an Accelerator is read from, in all spellings.
const std::vector<Field<Accelerator>>& accelerator_fields();

class AcceleratorCatalogue {  ///< All rows, by id or alias.
 public:
  /// accelerators.csv of the folder, else the one compiled in.
  static AcceleratorCatalogue load(const DataFolder& folder = {});
  /// Throws Error (BadInput) for a row without name, memory or bandwidth, or a name two devices claim.
  static AcceleratorCatalogue from(const CsvTable& table);

  const std::vector<Accelerator>& all() const& { return records_; }
  std::vector<Accelerator> all() && { return std::move(records_); }  ///< so that a loop over load().all() is safe
  std::vector<std::string> ids() const;
  const Accelerator* find(std::string_view name) const;  ///< Nothing when there is none.
  /// Throws Error (Usage) with "did you mean".
  const Accelerator& require(std::string_view name) const;
  const TableOrigin& origin() const { return origin_; }

 private:
  std::vector<Accelerator> records_;
  NameIndex names_;
  TableOrigin origin_;
};

}  // namespace isoflop
