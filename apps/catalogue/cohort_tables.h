// The tables of the spring-2024 cohort, done again from the catalogue: architectures with recounted parameters, work
// and cache, benchmark scores with how far reports disagree, training footprints, and every correction with its reason.
#pragma once
#include <string>
#include <vector>

#include "apps/command.h"

namespace isoflop::app {

/// Catalogue ids of the cohort; the first group has known architectures, the second is behind an interface only.
const std::vector<std::string>& cohort_with_architecture();
const std::vector<std::string>& cohort_behind_interface();

/// `with`: further models by any name. `draws`: of the footprint intervals. Throws Error (Usage) for an unknown model.
Report cohort_tables(const Settings& settings, const std::vector<std::string>& with, long draws);

}  // namespace isoflop::app
