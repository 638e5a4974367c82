// RUN: %jepa-opt %s --jepa-quantize-teacher --verify-diagnostics

// expected-error @below {{has several blocks: teachers are quantised in straight-line functions}}
func.func @blocks() {
  cf.br ^next
^next:
  return
}
