// RUN: %jepa-opt %s | %jepa-opt | FileCheck %s

// CHECK: func.func @axes(%{{.*}}: tensor<2x24xi32, #jepa.axes<clip, "context#0">>
func.func @axes(%m: tensor<2x24xi32, #jepa.axes<clip, "context#0">>) { return }
