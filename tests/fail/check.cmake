# cmake -DCOMPILE=... -DSOURCE=... -P check.cmake: compiles a file that starts with "// expects:
# SENTENCE" and looks for the sentence in the first error. precompiled.hpp of the current folder is
# tamp.hpp and nothing else: it changes nothing for a file that includes tamp.hpp.
file(READ ${SOURCE} text)
string(REGEX MATCH "^// expects: [^\n]*(\n// [^\n]*)*" expected "${text}")
string(REPLACE "\n//" "" expected "${expected}")
string(REPLACE "// expects: " "" expected "${expected}")
if(expected STREQUAL "")
  message(FATAL_ERROR "${SOURCE} does not start with \"// expects: \"")
endif()

if(text MATCHES "#include <tamp/tamp.hpp>")
  list(APPEND COMPILE -include precompiled.hpp)
endif()
execute_process(COMMAND ${COMPILE} -fsyntax-only ${SOURCE}
                RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(expected STREQUAL "nothing")
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${SOURCE} does not compile:\n${output}")
  endif()
  return()
endif()
if(status EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles")
endif()
string(REGEX MATCH "error: [^\n]*" first_error "${output}")
string(FIND "${first_error}" "${expected}" found)
if(found EQUAL -1)
  message(FATAL_ERROR "the first error is\n${first_error}\ninstead of\n${expected}\nin\n${output}")
endif()
