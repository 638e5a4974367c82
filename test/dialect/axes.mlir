// RUN: %jepa-opt %s | %jepa-opt | FileCheck %s

// Names that are no identifiers are quoted.
// CHECK: func.func @axes(%{{.*}}: tensor<2x24xi32, #jepa.axes<clip, "context#0">> {jepa.mask = 64 : i64, jepa.name = "mask0.context"}
// CHECK-SAME: tensor<2x56x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>
// CHECK-SAME: tensor<1xi32> {jepa.length_of = "context#0"}
func.func @axes(%m: tensor<2x24xi32, #jepa.axes<clip, "context#0">> {jepa.name = "mask0.context", jepa.mask = 64 : i64},
                %x: tensor<2x56x48xf32, #jepa.axes<"clip", "context#0+target#0", "embed">>,
                %n: tensor<1xi32> {jepa.length_of = "context#0"}) {
  return
}
