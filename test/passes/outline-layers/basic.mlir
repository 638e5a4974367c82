// RUN: %jepa-opt %s --jepa-outline-layers=min-ops=2 --split-input-file | FileCheck %s

!x = tensor<2x8x16xf32>

// Another attribute, another type or another wiring is another layer; a single layer is not worth a call.
// CHECK-LABEL: func.func @different
// CHECK-NOT: call
func.func @different(%x: !x, %y: tensor<2x4x16xf32>) -> (!x, !x, tensor<2x4x16xf32>, !x) {
  %a0 = jepa.scale %x {factor = 2.0, jepa.scope = "blocks.0"} : !x
  %b0 = jepa.add %x, %a0 {jepa.scope = "blocks.0"} : (!x, !x) -> !x
  %a1 = jepa.scale %x {factor = 3.0, jepa.scope = "blocks.1"} : !x
  %b1 = jepa.add %x, %a1 {jepa.scope = "blocks.1"} : (!x, !x) -> !x
  %a2 = jepa.scale %y {factor = 2.0, jepa.scope = "blocks.2"} : tensor<2x4x16xf32>
  %b2 = jepa.add %y, %a2 {jepa.scope = "blocks.2"} : (tensor<2x4x16xf32>, tensor<2x4x16xf32>) -> tensor<2x4x16xf32>
  %a3 = jepa.scale %x {factor = 2.0, jepa.scope = "blocks.3"} : !x
  %b3 = jepa.add %a3, %x {jepa.scope = "blocks.3"} : (!x, !x) -> !x
  return %b0, %b1, %b2, %b3 : !x, !x, tensor<2x4x16xf32>, !x
}

// -----

!x = tensor<2x8x16xf32>

// What is read outside is a result; layers whose results differ do not share.
// CHECK-LABEL: func.func @outputs
// CHECK: %[[A:.*]]:2 = call @layer_blocks(
// CHECK: %[[B:.*]]:2 = call @layer_blocks(
// CHECK-NOT: call
// CHECK: jepa.scale
// CHECK: return %[[A]]#0, %[[B]]#0
func.func @outputs(%x: !x) -> (!x, !x, !x) {
  %a0 = jepa.scale %x {factor = 2.0, jepa.scope = "blocks.0"} : !x
  %b0 = jepa.relu %a0 {jepa.scope = "blocks.0"} : !x
  %a1 = jepa.scale %b0 {factor = 2.0, jepa.scope = "blocks.1"} : !x
  %b1 = jepa.relu %a1 {jepa.scope = "blocks.1"} : !x
  %a2 = jepa.scale %b1 {factor = 2.0, jepa.scope = "blocks.2"} : !x
  %b2 = jepa.relu %a2 {jepa.scope = "blocks.2"} : !x
  return %a0, %a1, %b2 : !x, !x, !x
}

// -----

!x = tensor<2x8x16xf32>

// A constant or a parameter that layers share is passed to each; a watcher in the middle of a layer moves behind it.
// CHECK-LABEL: func.func @sources
// CHECK: %[[C:.*]] = jepa.constant
// CHECK: %[[P:.*]] = jepa.parameter "w"
// CHECK-NEXT: %[[R:.*]]:2 = call @layer_blocks(%{{.*}}, %[[C]], %[[P]])
// CHECK-NEXT: jepa.tap %[[R]]#0 {name = "first"}
// CHECK-NEXT: jepa.tap %[[R]]#1 {name = "second"}
// CHECK: call @layer_blocks(%[[R]]#1, %[[C]], %[[P]])
func.func @sources(%x: !x) -> !x {
  %c = jepa.constant {jepa.scope = "blocks.0", value = 1.0} : !x
  %a0 = jepa.add %x, %c {jepa.scope = "blocks.0"} : (!x, !x) -> !x
  jepa.tap %a0 {name = "first"} : !x
  %p = jepa.parameter "w" {init = "zeros", jepa.scope = "blocks.0"} : tensor<16x16xf32>
  %b0 = jepa.linear %a0, %p {jepa.scope = "blocks.0"} : (!x, tensor<16x16xf32>) -> !x
  jepa.tap %b0 {name = "second"} : !x
  %a1 = jepa.add %b0, %c {jepa.scope = "blocks.1"} : (!x, !x) -> !x
  jepa.tap %a1 {name = "third"} : !x
  %b1 = jepa.linear %a1, %p {jepa.scope = "blocks.1"} : (!x, tensor<16x16xf32>) -> !x
  return %b1 : !x
}

// -----

!x = tensor<2x8x16xf32>

// A taken name gets a number; an op without a scope ends a layer.
// CHECK-LABEL: func.func private @layer_blocks()
// CHECK-LABEL: func.func @names
// CHECK-COUNT-2: call @layer_blocks_1(
// CHECK-NOT: call
func.func private @layer_blocks()
func.func @names(%x: !x) -> !x {
  %a0 = jepa.scale %x {factor = 2.0, jepa.scope = "blocks.0"} : !x
  %b0 = jepa.relu %a0 {jepa.scope = "blocks.0"} : !x
  %a1 = jepa.scale %b0 {factor = 2.0, jepa.scope = "blocks.1"} : !x
  %b1 = jepa.relu %a1 {jepa.scope = "blocks.1"} : !x
  %a2 = jepa.scale %b1 {factor = 2.0, jepa.scope = "blocks.2"} : !x
  %n = jepa.gelu %a2 : !x
  %b2 = jepa.relu %n {jepa.scope = "blocks.2"} : !x
  return %b2 : !x
}

// -----

// Numbers that are rounded as they are split are no view, and a watcher makes none.
// CHECK-LABEL: func.func @rounded
// CHECK:     %[[A:.*]]:2 = call @layer_blocks(
// CHECK:     jepa.tap %[[A]]#1
func.func @rounded(%x: tensor<2x8x32xf32>) -> tensor<2x8x16xbf16> {
  %a0 = jepa.gelu %x {jepa.scope = "blocks.0"} : tensor<2x8x32xf32>
  %b0, %c0 = jepa.split_features %a0 {jepa.scope = "blocks.0"} : (tensor<2x8x32xf32>) -> (tensor<2x8x16xbf16>, tensor<2x8x16xf32>)
  jepa.tap %c0 {name = "first"} : tensor<2x8x16xf32>
  %a1 = jepa.gelu %x {jepa.scope = "blocks.1"} : tensor<2x8x32xf32>
  %b1, %c1 = jepa.split_features %a1 {jepa.scope = "blocks.1"} : (tensor<2x8x32xf32>) -> (tensor<2x8x16xbf16>, tensor<2x8x16xf32>)
  jepa.tap %c1 {name = "second"} : tensor<2x8x16xf32>
  %d = jepa.relu %b1 {jepa.scope = "after.1"} : tensor<2x8x16xbf16>
  %e = jepa.relu %b0 {jepa.scope = "after.0"} : tensor<2x8x16xbf16>
  %f = jepa.gelu_grad %d, %e : tensor<2x8x16xbf16>
  return %f : tensor<2x8x16xbf16>
}
