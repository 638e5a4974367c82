// Inlining what was outlined gives the program back, up to scopes.

// RUN: %jepa-opt %s | sed -e 's/,* *jepa.scope = "[^"]*"//' -e 's/ {}//' > %t.before
// RUN: %jepa-opt %s --jepa-outline-layers | FileCheck %s
// RUN: %jepa-opt %s --jepa-outline-layers --inline=default-pipeline= \
// RUN:   | sed -e 's/,* *jepa.scope = "[^"]*"//' -e 's/ {}//' > %t.after
// RUN: diff %t.before %t.after

// CHECK-COUNT-2: call @layer_blocks(
// CHECK: func.func private @layer_blocks(

func.func @run(%x: tensor<2x8x16xf32>, %w0: tensor<16x16xf32>, %w1: tensor<16x16xf32>) -> tensor<2x8x16xf32> {
  %l0 = jepa.linear %x, %w0 {jepa.scope = "blocks.0.attn"} : (tensor<2x8x16xf32>, tensor<16x16xf32>) -> tensor<2x8x16xf32>
  %q0 = jepa.layer_norm %l0 {eps = 1.0e-06, jepa.scope = "blocks.0"} : (tensor<2x8x16xf32>) -> tensor<2x8x16xf32>
  %a0, %s0 = jepa.attention %q0, %l0, %l0 {heads = 2, jepa.scope = "blocks.0.attn"} : (tensor<2x8x16xf32>, tensor<2x8x16xf32>, tensor<2x8x16xf32>) -> (tensor<2x8x16xf32>, tensor<2x2x8xf32>)
  %y0 = jepa.add %x, %a0 {jepa.scope = "blocks.0"} : (tensor<2x8x16xf32>, tensor<2x8x16xf32>) -> tensor<2x8x16xf32>
  %l1 = jepa.linear %y0, %w1 {jepa.scope = "blocks.1.attn"} : (tensor<2x8x16xf32>, tensor<16x16xf32>) -> tensor<2x8x16xf32>
  %q1 = jepa.layer_norm %l1 {eps = 1.0e-06, jepa.scope = "blocks.1"} : (tensor<2x8x16xf32>) -> tensor<2x8x16xf32>
  %a1, %s1 = jepa.attention %q1, %l1, %l1 {heads = 2, jepa.scope = "blocks.1.attn"} : (tensor<2x8x16xf32>, tensor<2x8x16xf32>, tensor<2x8x16xf32>) -> (tensor<2x8x16xf32>, tensor<2x2x8xf32>)
  %y1 = jepa.add %y0, %a1 {jepa.scope = "blocks.1"} : (tensor<2x8x16xf32>, tensor<2x8x16xf32>) -> tensor<2x8x16xf32>
  return %y1 : tensor<2x8x16xf32>
}
