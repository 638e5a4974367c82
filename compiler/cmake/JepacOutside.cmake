# The project's macros for those who build against an installed jepac. Inside the tree, AddJepac.cmake and
# models/CMakeLists.txt have the ones of the same names.
include_guard()

# add_jepa_pass(NAME [sources...]): libNAME.so, a plugin with the passes that NAME.td of this folder declares, for
# --load-pass-plugin. NAME.h includes the generated NAME.h.inc.
function(add_jepa_pass name)
  set(LLVM_TARGET_DEFINITIONS ${name}.td)
  include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  mlir_tablegen(${name}.h.inc -gen-pass-decls -name=${name})
  add_public_tablegen_target(${name}IncGen)
  # What the tools look up in the library.
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}Plugin.cpp @ONLY CONTENT [[
#include "@name@.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "@name@", "1", [] { jepa::register@name@Passes(); }};
}
]])
  add_library(${name} MODULE ${name}.cpp ${ARGN} ${CMAKE_CURRENT_BINARY_DIR}/${name}Plugin.cpp)
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(${name} PRIVATE jepac::Compiler)
  add_dependencies(${name} ${name}IncGen)
endfunction()

# jepa_add_model(NAME sources...): libNAME.so, a model written in the DSL, for `jepac build --plugin`.
function(jepa_add_model name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE jepac::Dsl)
  # Source locations end up in diagnostics: they are relative to the project.
  target_compile_options(${name} PRIVATE -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
endfunction()

# add_jepa_lit_suite(AREA): the lit tests of this folder's AREA, as the ctest lit.AREA and the target check-AREA. They know
# %jepa-opt, %jepac, FileCheck, and as %plugins the folder of this directory's libraries.
function(add_jepa_lit_suite area)
  set(site ${CMAKE_CURRENT_BINARY_DIR}/${area}-lit/lit.site.cfg.py)
  file(CONFIGURE OUTPUT ${site} @ONLY CONTENT [[
config.name_outside = "@PROJECT_NAME@"
config.source_root = "@CMAKE_CURRENT_SOURCE_DIR@/@area@"
config.exec_root = "@CMAKE_CURRENT_BINARY_DIR@/@area@-lit"
config.build_root = "@JEPAC_PREFIX@"
config.llvm_root = "@JEPAC_LLVM_ROOT@"
config.plugins = "@CMAKE_CURRENT_BINARY_DIR@"
lit_config.load_config(config, "@JEPAC_PREFIX@/lib/cmake/jepac/lit.cfg.py")
]])
  set(command ${JEPAC_LLVM_ROOT}/bin/lit -sv ${CMAKE_CURRENT_BINARY_DIR}/${area}-lit)
  add_test(NAME lit.${area} COMMAND ${command})
  add_custom_target(check-${area} COMMAND ${command} USES_TERMINAL)
endfunction()
