#include "isoflop/catalogue/conflicts.h"

#include <algorithm>

#include "isoflop/catalogue/record_fields.h"

namespace isoflop {
namespace {

template <auto Member>
Field<SourceConflict> field(const char* column) {
  return field_of<Member, SourceConflict>(column, 0);
}

}  // namespace

std::vector<SourceConflict> load_conflicts(const DataFolder& folder) {
  using C = SourceConflict;
  static const std::vector<Field<C>> fields = {
      field<&C::item>("item"),         field<&C::models>("models"),     field<&C::field>("field"),
      field<&C::value_a>("value_a"),   field<&C::source_a>("source_a"), field<&C::value_b>("value_b"),
      field<&C::source_b>("source_b"), field<&C::decision>("decision"),
  };
  return read_records(open_data_table("conflicts.csv", folder), fields);
}

std::vector<SourceConflict> conflicts_of(const std::vector<SourceConflict>& all, std::string_view model_id) {
  std::vector<SourceConflict> found;
  for (const auto& conflict : all)
    if (std::find(conflict.models.begin(), conflict.models.end(), model_id) != conflict.models.end())
      found.push_back(conflict);
  return found;
}

}  // namespace isoflop
