// RUN: %jepa-opt %s --jepa-outline-layers --verify-diagnostics

// expected-error @below {{has several blocks: layers are outlined from straight-line functions}}
func.func @blocks() {
  llvm.br ^next
^next:
  return
}
