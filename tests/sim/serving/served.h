// What tests of serving ask about: models of the catalogue, an H100, the built-in times of operations; loaded once.
#pragma once
#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/sim/serving/serving.h"

namespace isoflop::test {

inline Architecture model(const char* name) {
  static const ModelCatalogue catalogue = ModelCatalogue::load();
  return architecture_of(catalogue.require(name));
}

inline const Accelerator& h100() {
  static const AcceleratorCatalogue catalogue = AcceleratorCatalogue::load();
  return catalogue.require("h100");
}

inline const sim::OpProfile& profile() {
  static const sim::OpProfile loaded = sim::OpProfile::load();
  return loaded;
}

}  // namespace isoflop::test
