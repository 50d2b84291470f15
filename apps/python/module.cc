// The compiled half of the Python package `isoflop`: plain arrays and numbers in, plain arrays and numbers out.
// The typed results that people use are made from them in isoflop/results.py.
#include "apps/python/binding.h"

#include "apps/c_api.h"
#include "build_facts.h"

namespace py = pybind11;

namespace {

PyObject* base_error = nullptr;
PyObject* usage_error = nullptr;
PyObject* bad_input_error = nullptr;
PyObject* cannot_run_error = nullptr;

PyObject* new_error(py::module_& module, const char* name, const char* doc, py::tuple bases) {
  const std::string full = std::string("isoflop.") + name;
  PyObject* type = PyErr_NewExceptionWithDoc(full.c_str(), doc, bases.ptr(), nullptr);
  if (!type) throw py::error_already_set();
  module.attr(name) = py::handle(type);
  return type;
}

PyObject* error_for(isoflop::Fault fault) {
  switch (fault) {
    case isoflop::Fault::CannotRun: return cannot_run_error;
    case isoflop::Fault::Usage: return usage_error;
    case isoflop::Fault::BadInput: return bad_input_error;
  }
  return base_error;
}

void add_errors(py::module_& module) {
  const auto builtin = [](PyObject* type) { return py::reinterpret_borrow<py::object>(type); };
  base_error = new_error(module, "IsoflopError", "What the caller got wrong or the world denies.",
                         py::make_tuple(builtin(PyExc_Exception)));
  const auto base = builtin(base_error);
  usage_error =
      new_error(module, "UsageError", "A wrong argument or option.", py::make_tuple(base, builtin(PyExc_ValueError)));
  bad_input_error = new_error(module, "BadInputError",
                              "A data file or request that cannot be read; the message starts with file:line:column.",
                              py::make_tuple(base, builtin(PyExc_ValueError)));
  cannot_run_error = new_error(module, "CannotRunError", "A file that cannot be read or written, a missing tool.",
                               py::make_tuple(base, builtin(PyExc_RuntimeError)));
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const isoflop::Error& problem) {
      PyErr_SetString(error_for(problem.fault()), problem.what());
    }
  });
}

py::tuple run_json(const std::string& request) {
  char* response = nullptr;
  int code = 1;
  {
    py::gil_scoped_release release;
    code = isoflop_run(request.c_str(), &response);
  }
  if (!response) throw std::bad_alloc();
  py::str text(response);
  isoflop_free(response);
  return py::make_tuple(code, text);
}

}  // namespace

PYBIND11_MODULE(_native, module) {
  module.doc() = "Compiled half of the isoflop package.";
  module.attr("__version__") = ISOFLOP_VERSION;
  add_errors(module);
  module.def("run_json", &run_json, py::arg("request"));
  isoflop::python::add_laws(module);
  isoflop::python::add_models(module);
  isoflop::python::add_scores(module);
  isoflop::python::add_serving(module);
}
