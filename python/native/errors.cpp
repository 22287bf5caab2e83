#include <nanobind/nanobind.h>

#include <exception>
#include <tamp/error.hpp>

#include "module.hpp"

namespace nb = nanobind;

namespace tamp_python {
namespace {

// The types live as long as the process.
PyObject *error_type, *shape_error_type, *value_error_type, *file_error_type;

PyObject* made(nb::module_& m, const char* name, const char* doc, nb::handle bases) {
  const std::string full = std::string("tamp.") + name;
  PyObject* type = PyErr_NewExceptionWithDoc(full.c_str(), doc, bases.ptr(), nullptr);
  if (type == nullptr) nb::raise_python_error();
  m.attr(name) = nb::handle(type);
  return type;
}

}  // namespace

void bind_errors(nb::module_& m) {
  error_type = made(m, "Error", "The base class of all errors that tamp raises.", PyExc_Exception);
  const auto bases = [](PyObject* builtin) {
    return nb::make_tuple(nb::handle(error_type), nb::handle(builtin));
  };
  shape_error_type =
      made(m, "ShapeError", "Extents that do not fit together.", bases(PyExc_ValueError));
  value_error_type =
      made(m, "ValueError_", "A number that cannot be used: not finite, or outside its range.",
           bases(PyExc_ValueError));
  file_error_type =
      made(m, "FileError",
           "A file that cannot be read or written, or whose contents contradict themselves.",
           bases(PyExc_OSError));
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const tamp::shape_error& e) {
      PyErr_SetString(shape_error_type, e.what());
    } catch (const tamp::value_error& e) {
      PyErr_SetString(value_error_type, e.what());
    } catch (const tamp::file_error& e) {
      PyErr_SetString(file_error_type, e.what());
    } catch (const tamp::error& e) {
      PyErr_SetString(error_type, e.what());
    }
  });
}

}  // namespace tamp_python
