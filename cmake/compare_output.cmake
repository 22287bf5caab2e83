# cmake -DPROGRAM=... -DEXPECTED=... -P compare_output.cmake: runs a program and compares what it prints.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed ERROR_VARIABLE problem RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} exits with ${status}: ${problem}")
endif()
file(READ ${EXPECTED} expected)
if(NOT printed STREQUAL expected)
  message(FATAL_ERROR "${PROGRAM} prints\n${printed}\ninstead of\n${expected}")
endif()
