// RUN: %jepa-opt %s --load-pass-plugin=%plugins/libFreezeParameters.so --pass-pipeline="builtin.module(jepa-freeze-parameters{prefix=encoder.blocks.0})" | FileCheck %s

// CHECK-LABEL: func.func @parameters
func.func @parameters() {
  // CHECK: "encoder.blocks.0.norm1.weight" {init = "ones", trainable = false}
  %0 = jepa.parameter "encoder.blocks.0.norm1.weight" {init = "ones"} : tensor<48xf32>
  // CHECK: "encoder.blocks.1.norm1.weight" {init = "ones"}
  %1 = jepa.parameter "encoder.blocks.1.norm1.weight" {init = "ones"} : tensor<48xf32>
  // CHECK: "encoder.norm.weight" {init = "ones"}
  %2 = jepa.parameter "encoder.norm.weight" {init = "ones"} : tensor<48xf32>
  return
}
