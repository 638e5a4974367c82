//===- FreezeParameters.td - train a part of a model ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def FreezeParameters : Pass<"jepa-freeze-parameters", "::mlir::ModuleOp"> {
  let summary = "Keep the parameters with a given prefix as they are";
  let description = [{
    Fine-tuning trains a part of a model. Parameters whose names begin with `prefix` are no longer trainable:

    ```mlir
    %w = jepa.parameter "encoder.blocks.0.norm1.weight" {init = "ones"} : tensor<48xf32>
    ```

    becomes

    ```mlir
    %w = jepa.parameter "encoder.blocks.0.norm1.weight" {init = "ones", trainable = false} : tensor<48xf32>
    ```

    *Preconditions*: the model is not differentiated yet; a parameter has the prefix.
    *Postconditions*: no parameter with the prefix is trainable.
    *Why at after-prune*: `jepa-differentiate` goes back no further than to the first trainable parameter, so what is
    frozen at the bottom of a model costs neither an adjoint nor moments.
  }];
  let options = [Option<"prefix", "prefix", "std::string", "\"\"", "Names that begin with this are frozen">];
}
