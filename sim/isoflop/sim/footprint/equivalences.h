// What an amount of CO2e is in everyday terms, each with source, date and uncertainty: people's yearly emissions,
// cars, flights, and years of a direct-air-capture plant at its nameplate and at its reported rate.
#pragma once
#include <string>
#include <vector>

#include "isoflop/catalogue/data_files.h"
#include "isoflop/estimate.h"

namespace isoflop::sim {

struct Equivalence {  ///< CO2e of one everyday unit, with range and source.
  std::string id;    ///< "person-year-world"
  std::string unit;  ///< "person-years, world average"
  double kg_per_unit = 0;
  double low_kg = 0, high_kg = 0;  ///< range of kg_per_unit
  long year = 0;
  std::string scope;  ///< what is counted
  std::string source, confidence, note;
};

/// data/equivalences.csv of the folder, else the one compiled in.
std::vector<Equivalence> load_equivalences(const DataFolder& folder = {});

struct EquivalentAmount {  ///< How many of that unit.
  Equivalence of;
  Estimate amount;  ///< spread of the emissions and of the factor, both at their ends
};

/// In the order of the table.
std::vector<EquivalentAmount> equivalents(const Estimate& co2e_kg, const std::vector<Equivalence>& table);

}  // namespace isoflop::sim
