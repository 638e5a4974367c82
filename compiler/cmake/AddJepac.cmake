# The project's few wrappers over CMake. Targets are called Jepa<Thing>, test suites check-jepa-<area>.
include_guard()

# Flags that every target of the project compiles with.
add_library(JepaFlags INTERFACE)
target_compile_options(JepaFlags INTERFACE -Wall -Wextra -Wno-unused-parameter
  # libstdc++ 12's stable_sort uses what C++17 deprecated.
  -Wno-deprecated-declarations)
if(JEPAC_SANITIZE)
  target_compile_options(JepaFlags INTERFACE -fsanitize=${JEPAC_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(JepaFlags INTERFACE -fsanitize=${JEPAC_SANITIZE})
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM} CACHE STRING "" FORCE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM} CACHE STRING "" FORCE)
endif()

# add_jepa_library(NAME sources... [LINK libraries...]): a static library with the project's flags.
function(add_jepa_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC JepaFlags ${ARG_LINK})
endfunction()

# add_jepa_unit_test(NAME sources... [LINK libraries...]): a GoogleTest program registered with ctest as unit.NAME.
function(add_jepa_unit_test name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE JepaFlags ${ARG_LINK} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE JEPAC_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    JEPAC_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared")
  add_test(NAME unit.${name} COMMAND ${name})
endfunction()

# jepa_compiler_sources(sources...): add to the shared library that tools and plugins link.
function(jepa_compiler_sources)
  foreach(source ${ARGN})
    target_sources(JepaCompiler PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/${source})
  endforeach()
endfunction()

# jepa_doc(TD NAME generator-flags...): a page of the reference, built by the target jepa-doc into the build tree. A pass'
# example (test/passes/NAME-IN-KEBAB-CASE/example.mlir) is run and joins its page.
add_custom_target(jepa-doc)
function(jepa_doc td name)
  set(page ${PROJECT_BINARY_DIR}/docs/${name}.md)
  get_filename_component(source ${td} ABSOLUTE)
  string(REGEX REPLACE "([a-z])([A-Z])" "\\1-\\2" folder ${name})
  string(TOLOWER ${folder} folder)
  set(example ${PROJECT_SOURCE_DIR}/test/passes/${folder}/example.mlir)
  file(GLOB example_if_any CONFIGURE_DEPENDS ${example})
  add_custom_command(OUTPUT ${page}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/docs
    COMMAND ${JEPAC_LLVM_ROOT}/bin/mlir-tblgen ${ARGN} -I ${MLIR_INCLUDE_DIRS} -I ${CMAKE_CURRENT_SOURCE_DIR}
            -I ${PROJECT_SOURCE_DIR}/compiler/dialect ${source} -o ${page}
    COMMAND ${CMAKE_COMMAND} -DPAGE=${page} -DEXAMPLE=${example} -DOPT=$<TARGET_FILE:jepa-opt>
            -DFILECHECK=${JEPAC_LLVM_ROOT}/bin/FileCheck -P ${PROJECT_SOURCE_DIR}/compiler/cmake/AppendExample.cmake
    DEPENDS ${source} ${example_if_any} jepa-opt VERBATIM)
  add_custom_target(jepa-doc-${name} DEPENDS ${page})
  add_dependencies(jepa-doc jepa-doc-${name})
endfunction()

# add_jepa_pass(NAME [sources...]): the pass (or passes) that NAME.td of this folder declares. NAME.h includes the generated
# NAME.h.inc; NAME.cpp and further sources join the shared library; registerNAMEPasses() is called for every tool.
function(add_jepa_pass name)
  include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  set(LLVM_TARGET_DEFINITIONS ${name}.td)
  mlir_tablegen(${name}.h.inc -gen-pass-decls -name=${name})
  add_public_tablegen_target(Jepa${name}IncGen)
  add_dependencies(JepaCompiler Jepa${name}IncGen)
  jepa_compiler_sources(${name}.cpp ${ARGN})
  jepa_doc(${name}.td ${name} -gen-pass-doc)
  file(RELATIVE_PATH header ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${name}.h)
  set_property(GLOBAL APPEND_STRING PROPERTY JEPA_PASS_HEADERS "#include \"${header}\"\n")
  set_property(GLOBAL APPEND_STRING PROPERTY JEPA_PASS_CALLS "  register${name}Passes();\n")
endfunction()

# Writes AllPasses.h.inc, the registration of every add_jepa_pass() of the project, once all folders were read.
function(jepa_write_pass_list)
  get_property(headers GLOBAL PROPERTY JEPA_PASS_HEADERS)
  get_property(calls GLOBAL PROPERTY JEPA_PASS_CALLS)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/passes/AllPasses.h.inc @ONLY
    CONTENT "${headers}\nnamespace jepa {\ninline void registerFolderPasses() {\n${calls}}\n} // namespace jepa\n")
endfunction()

# add_jepa_lit_suite(AREA): the lit tests of this folder's AREA, as the ctest lit.AREA and the target check-jepa-AREA.
function(add_jepa_lit_suite area)
  string(REPLACE "/" "-" suite ${area})
  set(command ${JEPAC_LLVM_ROOT}/bin/lit -sv ${CMAKE_CURRENT_BINARY_DIR}/${area})
  add_test(NAME lit.${suite} COMMAND ${command})
  add_custom_target(check-jepa-${suite} COMMAND ${command} DEPENDS jepa-opt USES_TERMINAL)
endfunction()
