// How devices of a named system are joined where the accelerator's own figures do not say: pairs on a bridge with the
// host's bus between them, nodes of other sizes. A description that computes one thing: which link a group crosses.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "isoflop/catalogue/data_files.h"

namespace isoflop {

struct Interconnect {
  std::string id, name;
  std::string accelerator;                ///< id in the catalogue
  std::int64_t devices_per_node = 8;
  std::int64_t linked_devices = 8;        ///< devices joined by the fast link; the rest of the node is one step further
  double link_bytes_per_s = 0;            ///< per device and direction
  double beyond_link_bytes_per_s = 0;     ///< inside the node, between such groups
  double network_bytes_per_s = 0;         ///< between nodes, per device and direction
  std::string source, confidence, note;

  /// Slowest link inside a node that a ring over so many devices crosses.
  double inside_node_bytes_per_s(double devices) const {
    return devices <= static_cast<double>(linked_devices) ? link_bytes_per_s : beyond_link_bytes_per_s;
  }
};

class InterconnectCatalogue {  ///< All rows, by id.
 public:
  /// interconnects.csv of the folder, else the one compiled in.
  static InterconnectCatalogue load(const DataFolder& folder = {});
  /// Throws Error (BadInput) for a row whose figures are missing or not positive.
  static InterconnectCatalogue from(const CsvTable& table);

  const std::vector<Interconnect>& all() const& { return records_; }
  /// By id; nothing when there is none.
  const Interconnect* find(std::string_view id) const;

 private:
  std::vector<Interconnect> records_;
};

}  // namespace isoflop
