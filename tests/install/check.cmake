# cmake -DBUILD=... -DSOURCE=... -DWORK=... -DCOMPILER=... -DGENERATOR=... -P check.cmake
file(REMOVE_RECURSE ${WORK})

# run(COMMAND...): stops with the output of a command that fails.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output
                          ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nexits with ${status}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(configure ${CMAKE_COMMAND} -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
              -DCMAKE_PREFIX_PATH=${WORK}/prefix)

# The package must not point back to where it was built: it is moved before it is used.
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)
file(RENAME ${WORK}/installed ${WORK}/prefix)

run(${WORK}/prefix/bin/tamp_prune --help)

run(${configure} -S ${SOURCE}/consumer -B ${WORK}/consumer)
run(${CMAKE_COMMAND} --build ${WORK}/consumer)
run(${WORK}/consumer/consumer)
if(NOT output STREQUAL "#..#\n.##.\n")
  message(FATAL_ERROR "the consumer prints\n${output}")
endif()

# refused(SENTENCE ARGUMENT...): configuring the project in missing/ must fail and say why.
function(refused sentence)
  file(REMOVE_RECURSE ${WORK}/missing)
  execute_process(COMMAND ${configure} -S ${SOURCE}/missing -B ${WORK}/missing ${ARGN}
                  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " words "${output}")
  string(FIND "${words}" "${sentence}" found)
  if(status EQUAL 0 OR found EQUAL -1)
    message(FATAL_ERROR "${ARGN} exits with ${status}, without \"${sentence}\":\n${output}")
  endif()
endfunction()

refused("tamp has no component telepathy; its components are" -DCOMPONENT=telepathy)
refused("compatible with requested version \"99.0\"" -DVERSION=99.0)
