// RUN: not %jepa-opt %s --jepa-rematerialize="limit=-1" 2>&1 | FileCheck %s

// CHECK: error: 'func.func' op jepa-rematerialize: limit must not be negative
func.func @jepa_run() {
  return
}
