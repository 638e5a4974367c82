// RUN: %jepa-opt %s --jepa-prune-tokens | FileCheck %s

// CHECK-LABEL: func.func @empty
func.func @empty() { return }
