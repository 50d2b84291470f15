// What the files of the Python module share: arrays checked and filled, errors that Python sees as its own types.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <span>
#include <string>

#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop::python {

using Array = pybind11::array_t<double, pybind11::array::c_style | pybind11::array::forcecast>;

/// A one-dimensional array as numbers; the package flattens before it calls. Throws Error (Usage) naming the first
/// entry that is not positive and finite.
inline std::span<const double> positive(const Array& array, const std::string& name) {
  const std::span<const double> values(array.data(), static_cast<std::size_t>(array.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!(values[i] > 0) || !std::isfinite(values[i]))
      throw Error(Fault::Usage, name + ": " + format_number(values[i]) + " at index " + std::to_string(i) +
                                    " is not positive and finite");
  return values;
}

inline void check_same_size(std::size_t a, std::size_t b, const std::string& names) {
  if (a != b)
    throw Error(Fault::Usage,
                names + ": " + std::to_string(a) + " and " + std::to_string(b) + " values; expected as many of each");
}

/// Uninitialised numbers that Python owns.
inline Array array_of(std::size_t count) { return Array(static_cast<pybind11::ssize_t>(count)); }
inline std::span<double> filled(Array& array) { return {array.mutable_data(), static_cast<std::size_t>(array.size())}; }

void add_laws(pybind11::module_& module);
void add_models(pybind11::module_& module);
void add_scores(pybind11::module_& module);
void add_serving(pybind11::module_& module);

}  // namespace isoflop::python
