// RUN: %jepa-opt %s --jepa-plan-memory --split-input-file --verify-diagnostics

// expected-error @below {{calls itself: its frame has no static size}}
func.func @recursive(%arena: memref<?xi8>) {
  func.call @recursive(%arena) : (memref<?xi8>) -> ()
  return
}

// -----

// expected-error @below {{must have one block to be planned}}
func.func @blocks(%arena: memref<?xi8>) {
  cf.br ^next
^next:
  return
}
