//===- JepaDeviceOps.td - launches and products on a device -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_DEVICE_OPS_TD
#define JEPA_DEVICE_OPS_TD

include "JepaBase.td"

def Jepa_DeviceLaunchOp : Jepa_Op<"device_launch",
    [AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Run a kernel on a grid of a device's blocks";
  let description = [{
    The kernel is an `emitc.func` whose parameters are the buffers' addresses, in order; `writes` tells how many of them, from
    the first, are written. It says itself how many threads a block has.

    Kernels of very many buffers find them in a table that is part of the device code: `places` are those buffers, and
    `table` has rows of `columns` numbers for an array of the C++ type `entry`. A number n >= 0 stands for the place of
    `places[n]`, in bytes from the arena's start; -1 is -1 (no such buffer), and n < -1 stands for the number -2 - n. The
    kernel's first parameter is then the arena. Such a launch is in the entry function alone, whose places are known.

    Example:

    ```mlir
    jepa.device_launch @gelu_0(%y, %x) {grid = array<i64: 12, 1, 1>, writes = 1} : memref<128x192xbf16>, memref<128x192xbf16>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyMemRef>:$buffers, Variadic<AnyMemRef>:$places,
                       DenseI64ArrayAttr:$grid, I64Attr:$writes, OptionalAttr<StrAttr>:$entry,
                       OptionalAttr<DenseI64ArrayAttr>:$table, OptionalAttr<I64Attr>:$columns);
  let assemblyFormat = [{
    $kernel `(` $buffers `)` (`places` `(` $places^ `:` type($places) `)`)? attr-dict `:` type($buffers)
  }];
}

def Jepa_DeviceGemmOp : Jepa_Op<"device_gemm", [AttrSizedOperandSegments]> {
  let summary = "A matrix product by the device's library";
  let description = [{
    As `jepa.gemm`, with what the library does to the result before it stores it, `epilogue`: `none`, `bias` (added to every
    row), `gelu` (of result plus bias, which it stores in `aux` if there is one), `dgelu` (times the derivative of gelu at
    `aux`; the sums over the rows go to `bias` if there is one), `bias_grad` (the sums of a's columns go to `bias`;
    a is then transposed). Of a and b in e4m3, b is multiplied by `scale`. `workspace` is the library's.

    Example:

    ```mlir
    jepa.device_gemm %c, %a, %b workspace %s bias %v {epilogue = "bias", m = 128, n = 144, k = 48, lda = 48, ldb = 48,
      ldc = 144, transA = false, transB = true}
      : memref<128x144xbf16>, memref<128x48xbf16>, memref<144x48xbf16>, memref<4096xi8> bias memref<144xbf16>
    ```
  }];
  let arguments = (ins AnyMemRef:$c, AnyMemRef:$a, AnyMemRef:$b, AnyMemRef:$workspace, Optional<AnyMemRef>:$bias,
                       Optional<AnyMemRef>:$aux, Optional<AnyMemRef>:$scale,
                       DefaultValuedAttr<StrAttr, "\"none\"">:$epilogue, I64Attr:$m, I64Attr:$n, I64Attr:$k,
                       I64Attr:$lda, I64Attr:$ldb, I64Attr:$ldc, BoolAttr:$transA, BoolAttr:$transB);
  let assemblyFormat = [{
    $c `,` $a `,` $b `workspace` $workspace (`bias` $bias^)? (`aux` $aux^)? (`scale` $scale^)? attr-dict
    `:` type($c) `,` type($a) `,` type($b) `,` type($workspace) (`bias` type($bias)^)? (`aux` type($aux)^)?
    (`scale` type($scale)^)?
  }];
}

#endif // JEPA_DEVICE_OPS_TD
