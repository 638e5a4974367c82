# Compiles SOURCE with COMPILER twice. Without JEPA_FAIL it must compile; with it, it must not, and
# one line of what the compiler says must match each "// EXPECT:" of the source. An expectation is a
# regular expression in which " ... " stands for anything on the line; "jepa::" is left out of what
# is compared.
set(command ${COMPILER} -std=c++20 -fsyntax-only -fno-color-diagnostics -I${INCLUDE} ${SOURCE})
if(NOT CLANG)
  list(REMOVE_ITEM command -fno-color-diagnostics)
endif()

execute_process(COMMAND ${command} RESULT_VARIABLE result ERROR_VARIABLE message)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "does not compile as it should:\n${message}")
endif()

execute_process(COMMAND ${command} -DJEPA_FAIL RESULT_VARIABLE result ERROR_VARIABLE message)
if(result EQUAL 0)
  message(FATAL_ERROR "compiles, but should not")
endif()
string(REPLACE "jepa::" "" message "${message}")
file(STRINGS ${SOURCE} expectations REGEX "^// EXPECT: ")
if(NOT expectations)
  message(FATAL_ERROR "expects nothing; say what the message must hold")
endif()
foreach(expectation IN LISTS expectations)
  string(REGEX REPLACE "^// EXPECT: " "" expectation "${expectation}")
  string(REPLACE " ... " "[^\n]*" pattern "${expectation}")
  if(NOT message MATCHES "${pattern}")
    message(FATAL_ERROR "no line of the message matches '${expectation}':\n${message}")
  endif()
endforeach()
