//===- Passes.td - from tensors to kernels to LLVM ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_TARGET_PASSES_TD
#define JEPA_TARGET_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerToKernels : Pass<"jepa-lower-to-kernels", "::mlir::ModuleOp"> {
  let summary = "Turn tensor ops into kernel launches on buffers";
  let description = [{
    Each function of tensors becomes one of buffers: its first argument is the arena, results become destinations, and
    each op becomes what its target's kernel interface emits. `jepa_run` keeps the arena alone: inputs, parameters,
    tables and outputs become named buffers. Structurally equal launches share one kernel function. Launches, products
    and calls keep the `jepa.scope` of their op (updates in place get `optimizer`), and an op's only launch its FLOPs as
    `jepa.flops`: profiles read them.

    *Preconditions*: parameters, positions and taps are in `jepa_run` only; no op reads a parameter after its update.
    *Postconditions*: no tensor is left; every `jepa.buffer` waits for an offset from `jepa-plan-memory`.
    *Why here*: after the last graph pass, since buffers hide the dataflow that those work on.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"reference\"", "Whose kernels to emit: reference, cpu or cuda">,
    Option<"maxThreads", "max-threads", "int64_t", "64", "Most threads that kernels will run on; sizes their scratch">,
    ListOption<"features", "features", "std::string", "What the processor can do beyond plain vectors, such as avx512bf16">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::emitc::EmitCDialect"];
}

def LoopsToEmitC : Pass<"jepa-loops-to-emitc", "::mlir::ModuleOp"> {
  let summary = "Turn kernels that are loops into EmitC, launched on a device's threads";
  let description = [{
    A kernel over [0, count) becomes one whose threads take an index each; one with scratch of a thread's own, one whose
    `maxThreads` threads take index after index. Buffers become addresses, their elements linear places. Tables of places
    are filled in.

    *Preconditions*: every buffer has an offset; kernels are scalar code (arith, math, scf.for, scf.if, memref).
    *Postconditions*: every kernel is an `emitc.func`, every launch a `jepa.device_launch`.
    *Why here*: last before the text is printed.
  }];
  let options = [Option<"maxThreads", "max-threads", "int64_t", "64", "Threads that kernels' scratch was made for">];
  let dependentDialects = ["::mlir::emitc::EmitCDialect"];
}

def PrintCuda : Pass<"jepa-print-cuda", "::mlir::ModuleOp"> {
  let summary = "Print kernels and the host's step as CUDA C++";
  let description = [{
    To standard output, as `jepac emit --stage cuda` does; the module stays as it is. For looking and for tests.

    *Preconditions*: every kernel is an `emitc.func`, as `jepa-loops-to-emitc` leaves them.
  }];
  let options = [Option<"hopper", "hopper", "bool", "true", "For sm_90a's path of the device library">];
}

def SplitKernels : Pass<"jepa-split-kernels", "::mlir::ModuleOp"> {
  let summary = "Distribute the kernels over modules, so that code is generated for them side by side";
  let description = [{
    What launches stays together; the kernels go into at most `parts` nested modules of about equal size, each with
    declarations of what it calls from elsewhere. How they are distributed depends on the program alone, never on the
    machine that compiles it, so that equal builds have equal bytes. A module with variables is left in one part, since
    a constant may be copied and a variable may not.

    ```
    module {                              module {
      func @jepa_run { launch @a }          module { func @jepa_run { launch @a }  func private @a(..) }
      func private @a(..) { ... }   =>      module { func private @a(..) { ... } }
    }                                     }
    ```

    *Preconditions*: kernels are what `jepa.launch` names, or an epilogue of `jepa.gemm`.
    *Postconditions*: every function is defined in one module, and declared in those that name it.
    *Why here*: last of what sees the whole program; what follows works on one function at a time.
  }];
  let options = [Option<"parts", "parts", "int64_t", "16", "Most modules to make">];
}

def ConvertKernelsToLLVM : Pass<"jepa-convert-kernels-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Turn kernels, launches and planned buffers into the LLVM dialect";
  let description = [{
    Buffers become the arena's address plus their offset; launches call the runtime with an array of addresses and a
    task function that unpacks it; products call the runtime's GEMM with a constant description, and with such
    an array and task where they have an epilogue.

    *Preconditions*: every buffer has an offset.
    *Postconditions*: only the LLVM dialect is left.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ApproximateMath : Pass<"jepa-approximate-math", "::mlir::ModuleOp"> {
  let summary = "Compute exp, erf and log of f32 vectors by polynomials";
  let description = [{
    Upstream's polynomial approximations, for vectors only (scalars call libm): about one unit in the last place for exp
    and log, five for erf, and several times faster than a vector library. f64 is left alone.

    *Why here*: on kernels, before they become LLVM, which has no vector erf.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def ExpandBf16 : Pass<"jepa-expand-bf16", "::mlir::ModuleOp"> {
  let summary = "Convert between f32 and bf16 by integer arithmetic";
  let description = [{
    Rounds to nearest, ties to even, as the instruction of AVX512-BF16 does, for machines without it: there LLVM would call a
    library function that few systems have.

    *Why here*: on kernels, while they are vectors.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

#endif // JEPA_TARGET_PASSES_TD
