#include "isoflop/sim/engines/validate_engines.h"
#include "isoflop/sim/footprint/validate_footprint.h"
#include "isoflop/sim/op/op_table.h"
#include "isoflop/sim/op/validate_op.h"
#include "isoflop/sim/training/validate_training.h"
#include "isoflop/sim/validation.h"

namespace isoflop::sim {

const std::vector<ValidationKind>& validation_kinds() {
  static const std::vector<ValidationKind> kinds = [] {
    std::vector<ValidationKind> all;
    for (const auto& name : op_table_kinds())
      all.push_back({name, "measured kernel times",
                     [name](const ValidationRequest& request) { return validate_op(name, request); }});
    all.push_back({"footprint", "published training footprints, or measured serving energy", validate_footprint});
    all.push_back({"training", "measured training speeds and device-hours", validate_training});
    all.push_back({"inference", "measured speed and memory of single requests and fixed batches", validate_inference});
    all.push_back({"serving", "measured TTFT and TPOT of servers in closed loop", validate_serving});
    return all;
  }();
  return kinds;
}

}  // namespace isoflop::sim
