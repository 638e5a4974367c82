// RUN: not %jepa-opt %s --load-pass-plugin=%plugins/libFreezeParameters.so --pass-pipeline="builtin.module(jepa-freeze-parameters)" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not %jepa-opt %s --load-pass-plugin=%plugins/libFreezeParameters.so --pass-pipeline="builtin.module(jepa-freeze-parameters{prefix=decoder})" 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// NONE: error: needs to know what to freeze: give jepa-freeze-parameters{prefix=...}
// UNKNOWN: error: no trainable parameter's name begins with 'decoder'
func.func @parameters() {
  %0 = jepa.parameter "encoder.norm.weight" {init = "ones"} : tensor<48xf32>
  return
}
