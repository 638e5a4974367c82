// RUN: %jepa-opt %s --jepa-read-masters --verify-diagnostics

// expected-error @below {{has several blocks: masters are read in straight-line functions}}
func.func @blocks() {
  cf.br ^next
^next:
  return
}
