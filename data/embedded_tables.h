// The tables of this folder as they were when the program was compiled.
#pragma once
#include <span>
#include <string_view>

namespace isoflop {

struct EmbeddedTable {
  std::string_view name;    ///< file name, e.g. "models.csv"
  std::string_view bytes;
  std::string_view sha256;  ///< lower-case hexadecimal
};

std::span<const EmbeddedTable> embedded_tables();

}  // namespace isoflop
