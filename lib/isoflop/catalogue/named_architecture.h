// The architecture a user means: a model of the catalogue by any of its names, or a JSON file, which may be a Hugging
// Face config.json, an architecture as `models import` writes it, or a whole result of that command.
#pragma once
#include <optional>
#include <string>

#include "isoflop/catalogue/models.h"
#include "isoflop/model/architecture.h"

namespace isoflop {

struct NamedArchitecture {
  Architecture architecture;
  std::optional<ModelRecord> record;  ///< when it came from the catalogue
  std::string source;                 ///< for a report: where the dimensions are from
  TableOrigin origin;                 ///< the table or file that was read
};

/// A name ending in .json, and "-", are files; everything else is looked up. Throws Error: Usage for an unknown name,
/// CannotRun for a model whose architecture is unknown or unsupported or a file that cannot be read, BadInput for one
/// that is neither form.
NamedArchitecture named_architecture(const std::string& name, const DataFolder& folder = {});

}  // namespace isoflop
