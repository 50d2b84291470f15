// Any bytes are a table or an Error, and what is read again after writing is the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto table = isoflop::CsvTable::parse(std::string(reinterpret_cast<const char*>(data), size), "fuzz");
    for (std::size_t row = 0; row < table.rows(); ++row)
      for (std::size_t column = 0; column < table.columns().size(); ++column) {
        const std::string text(table.text(row, column));
        const auto again = isoflop::CsvTable::parse("k,v\nx," + isoflop::csv_cell(text) + "\n", "again");
        const bool blank_edges =
            !text.empty() && (text.front() == ' ' || text.back() == ' ' || text.front() == '\t' || text.back() == '\t');
        if (!blank_edges && text.find('\r') == std::string::npos && again.text(0, 1) != text) std::abort();
        try {
          (void)table.number(row, column);
        } catch (const isoflop::Error&) {
        }
      }
  } catch (const isoflop::Error&) {
  }
  return 0;
}
