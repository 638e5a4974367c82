# The project's few wrappers over CMake. Targets are called Jepa<Thing>, test suites check-jepa-<area>.
include_guard()

# Flags that every target of the project compiles with.
add_library(JepaFlags INTERFACE)
target_compile_options(JepaFlags INTERFACE -Wall -Wextra -Wno-unused-parameter)
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

# jepa_doc(TD NAME generator-flags...): a page of the reference, built by the target jepa-doc into the build tree.
add_custom_target(jepa-doc)
function(jepa_doc td name)
  set(page ${PROJECT_BINARY_DIR}/docs/${name}.md)
  get_filename_component(source ${td} ABSOLUTE)
  add_custom_command(OUTPUT ${page}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/docs
    COMMAND ${JEPAC_LLVM_ROOT}/bin/mlir-tblgen ${ARGN} -I ${MLIR_INCLUDE_DIRS} -I ${CMAKE_CURRENT_SOURCE_DIR}
            -I ${PROJECT_SOURCE_DIR}/compiler/dialect ${source} -o ${page}
    DEPENDS ${source} VERBATIM)
  add_custom_target(jepa-doc-${name} DEPENDS ${page})
  add_dependencies(jepa-doc jepa-doc-${name})
endfunction()
