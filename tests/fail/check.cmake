# cmake -DCOMPILER=... -DSOURCE=... -DINCLUDE=... -DSYSTEM_INCLUDE=... -P check.cmake: compiles a
# file that starts with "// expects: SENTENCE" and looks for the sentence in the first error.
file(READ ${SOURCE} text)
string(REGEX MATCH "^// expects: [^\n]*(\n// [^\n]*)*" expected "${text}")
string(REPLACE "\n//" "" expected "${expected}")
string(REPLACE "// expects: " "" expected "${expected}")
if(expected STREQUAL "")
  message(FATAL_ERROR "${SOURCE} does not start with \"// expects: \"")
endif()

execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only -fmessage-length=0 -I ${INCLUDE}
                        -isystem ${SYSTEM_INCLUDE} ${SOURCE}
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
