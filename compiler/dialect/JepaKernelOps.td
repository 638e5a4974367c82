//===- JepaKernelOps.td - buffers, launches and library products, on memrefs -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_KERNEL_OPS_TD
#define JEPA_KERNEL_OPS_TD

include "JepaBase.td"

def Jepa_BufferOp : Jepa_Op<"buffer"> {
  let summary = "A piece of the arena";
  let description = [{
    `kind` is `temporary` (planned by its lifetime) or one of those that live for the whole run and have a `name`:
    `parameter`, `moment`, `table`, `input`, `output`. `jepa-plan-memory` gives it its `offset` in bytes. `info` carries
    what the runtime has to know of it (initialiser, position grid, ...); in that of a parameter, `packed` says that its
    values are kept in the layout that products with this n, k and transB read (see `jepa-pack-weights`).

    Example:

    ```mlir
    %b = jepa.buffer %arena {kind = "temporary", offset = 4096 : i64} : memref<?xi8> -> memref<2x64x48xf32>
    ```
  }];
  let arguments = (ins AnyMemRef:$arena, StrAttr:$kind, OptionalAttr<StrAttr>:$name,
                       OptionalAttr<I64Attr>:$offset, OptionalAttr<DictionaryAttr>:$info);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$arena attr-dict `:` type($arena) `->` type($result)";
}

def Jepa_LaunchOp : Jepa_Op<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Run a kernel over a range, in parallel";
  let description = [{
    Cuts [0, count) into chunks of `grain` and calls `kernel(begin, end, thread, operands...)` for each, on any thread.
    Which thread takes a chunk must not change a result. `writes` tells how many of the operands, from the first, are
    written.

    Example:

    ```mlir
    jepa.launch @gelu(%out, %x) {count = 128, grain = 16, writes = 1} : memref<128x192xf32>, memref<128x192xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyMemRef>:$buffers, I64Attr:$count, I64Attr:$grain,
                       I64Attr:$writes);
  let assemblyFormat = "$kernel `(` $buffers `)` attr-dict `:` type($buffers)";
}

def Jepa_GemmOp : Jepa_Op<"gemm", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A matrix product by the library";
  let description = [{
    `c[m, n] = op(a)[m, k] * op(b)[k, n] (+ bias[n])`, row-major, where op transposes if its flag says so and `lda`,
    `ldb`, `ldc` are the stored matrices' row strides in elements. `scratch` is what the library asked for. A `packed` b is
    in the library's own layout; `ldb` and `transB` are those that it was packed from. A b of f32 beside an a of bf16 is
    rounded to bf16 as it is read.

    An `epilogue` is a kernel on `epilogueBuffers`, as of a `jepa.launch`, over the parts of c: `epilogueRows` rows by
    `epilogueColumns` columns (less at the ends), counted along rows of parts. It is called once for each part, on any
    thread, when all of it is in c, which it may change.

    Example:

    ```mlir
    jepa.gemm %c, %a, %b scratch %s {m = 128, n = 144, k = 48, lda = 48, ldb = 48, ldc = 144, transA = false, transB = true}
      : memref<2x64x144xf32>, memref<2x64x48xf32>, memref<144x48xf32>, memref<4096xi8>
    jepa.gemm %c, %a, %b scratch %s epilogue @gelu(%y, %c) {epilogueRows = 32, epilogueColumns = 144, m = 128, n = 144,
      k = 48, lda = 48, ldb = 48, ldc = 144, transA = false, transB = true}
      : memref<2x64x144xf32>, memref<2x64x48xf32>, memref<144x48xf32>, memref<4096xi8>
        epilogue memref<2x64x144xf32>, memref<2x64x144xf32>
    ```
  }];
  let arguments = (ins AnyMemRef:$c, AnyMemRef:$a, AnyMemRef:$b, AnyMemRef:$scratch, Optional<AnyMemRef>:$bias,
                       Variadic<AnyMemRef>:$epilogueBuffers, UnitAttr:$packed, I64Attr:$m, I64Attr:$n, I64Attr:$k,
                       I64Attr:$lda, I64Attr:$ldb, I64Attr:$ldc, BoolAttr:$transA, BoolAttr:$transB,
                       OptionalAttr<FlatSymbolRefAttr>:$epilogue, OptionalAttr<I64Attr>:$epilogueRows,
                       OptionalAttr<I64Attr>:$epilogueColumns);
  let assemblyFormat = [{
    $c `,` $a `,` $b `scratch` $scratch (`bias` $bias^)? (`packed` $packed^)?
    (`epilogue` $epilogue^ `(` $epilogueBuffers `)`)? attr-dict
    `:` type($c) `,` type($a) `,` type($b) `,` type($scratch) (`,` type($bias)^)?
    (`epilogue` type($epilogueBuffers)^)?
  }];
}

#endif // JEPA_KERNEL_OPS_TD
