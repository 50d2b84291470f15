#include "isoflop/sim/footprint/equivalences.h"

#include "isoflop/catalogue/csv_table.h"

namespace isoflop::sim {

std::vector<Equivalence> load_equivalences(const DataFolder& folder) {
  const CsvTable t = open_data_table("equivalences.csv", folder);
  const auto id = t.column("id"), unit = t.column("unit"), kg = t.column("kgco2e_per_unit"),
             low = t.column("kgco2e_low"), high = t.column("kgco2e_high"), year = t.column("year"),
             scope = t.column("scope"), source = t.column("source"), confidence = t.column("confidence"),
             note = t.column("note");
  std::vector<Equivalence> rows;
  for (std::size_t r = 0; r < t.rows(); ++r) {
    Equivalence e;
    e.id = t.text(r, id);
    e.unit = t.text(r, unit);
    e.kg_per_unit = t.required_number(r, kg);
    if (e.kg_per_unit <= 0) t.reject(r, kg, "must be positive");
    e.low_kg = t.number(r, low).value_or(e.kg_per_unit);
    e.high_kg = t.number(r, high).value_or(e.kg_per_unit);
    if (!(0 < e.low_kg && e.low_kg <= e.kg_per_unit && e.kg_per_unit <= e.high_kg))
      t.reject(r, low, "the range must enclose the factor");
    e.year = static_cast<long>(t.whole(r, year).value_or(0));
    e.scope = t.text(r, scope);
    e.source = t.text(r, source);
    if (e.source.empty()) t.reject(r, source, "every factor needs a source");
    e.confidence = t.text(r, confidence);
    e.note = t.text(r, note);
    rows.push_back(std::move(e));
  }
  return rows;
}

std::vector<EquivalentAmount> equivalents(const Estimate& co2e_kg, const std::vector<Equivalence>& table) {
  std::vector<EquivalentAmount> amounts;
  for (const Equivalence& e : table)
    amounts.push_back(
        {e, {co2e_kg.low / e.high_kg, co2e_kg.central / e.kg_per_unit, co2e_kg.high / e.low_kg, e.source}});
  return amounts;
}

}  // namespace isoflop::sim
