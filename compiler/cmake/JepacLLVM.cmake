# LLVM and MLIR: the one place that names their version.
set(JEPAC_LLVM_VERSION 22)
set(JEPAC_LLVM_ROOT /usr/lib/llvm-${JEPAC_LLVM_VERSION} CACHE PATH "LLVM's installation prefix")
find_package(MLIR REQUIRED CONFIG PATHS ${JEPAC_LLVM_ROOT}/lib/cmake/mlir NO_DEFAULT_PATH)
if(NOT LLVM_VERSION_MAJOR EQUAL JEPAC_LLVM_VERSION)
  message(FATAL_ERROR "jepac needs LLVM ${JEPAC_LLVM_VERSION}, found ${LLVM_VERSION}; set JEPAC_LLVM_ROOT")
endif()
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# lld links MLIR's libraries in seconds.
if(EXISTS ${JEPAC_LLVM_ROOT}/bin/ld.lld AND CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  add_link_options(-fuse-ld=lld)
endif()
