# What `cmake --install` puts where: programs, the shared library, headers as they are included, and the CMake package.
include_guard()
include(GNUInstallDirs)

install(TARGETS jepac jepa-opt jepa-lsp-server jepa-knn jepa-runtime JepaCompiler
  RUNTIME DESTINATION bin LIBRARY DESTINATION lib)

set(headers include/jepac)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/compiler ${PROJECT_SOURCE_DIR}/passes DESTINATION ${headers}
  FILES_MATCHING PATTERN *.h PATTERN *.td PATTERN driver EXCLUDE PATTERN cmake EXCLUDE)
install(DIRECTORY ${PROJECT_BINARY_DIR}/compiler ${PROJECT_BINARY_DIR}/passes DESTINATION ${headers}
  FILES_MATCHING PATTERN *.h.inc PATTERN CMakeFiles EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/dsl/include/jepa DESTINATION ${headers})

set(package lib/cmake/jepac)
configure_file(${CMAKE_CURRENT_LIST_DIR}/jepacConfig.cmake.in ${PROJECT_BINARY_DIR}/jepacConfig.cmake @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/jepacConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/jepacConfig.cmake ${PROJECT_BINARY_DIR}/jepacConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/JepacOutside.cmake ${PROJECT_SOURCE_DIR}/test/lit.cfg.py DESTINATION ${package})
