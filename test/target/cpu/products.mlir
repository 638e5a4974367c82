// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=cpu | FileCheck %s

// A linear layer is one product of the library, with the bias; a convolution's weight is a matrix there.

// CHECK: jepa.gemm %{{.*}}, %{{.*}}, %{{.*}} scratch %{{.*}} bias %{{.*}} {k = 96 : i64, lda = 96 : i64, ldb = 96 : i64, ldc = 40 : i64, m = 10 : i64, n = 40 : i64, transA = false, transB = true}
// CHECK: jepa.gemm %{{.*}} scratch %{{[0-9]+}} {k = 40 : i64, lda = 40 : i64, ldb = 96 : i64, ldc = 96 : i64, m = 10 : i64, n = 96 : i64, transA = false, transB = false}
// CHECK: jepa.gemm %{{.*}} scratch %{{[0-9]+}} {k = 10 : i64, lda = 40 : i64, ldb = 96 : i64, ldc = 96 : i64, m = 40 : i64, n = 96 : i64, transA = true, transB = false}
func.func @jepa_run(%x: tensor<2x5x96xf32> {jepa.name = "x"}, %w: tensor<40x3x2x4x4xf32> {jepa.name = "w"},
                    %b: tensor<40xf32> {jepa.name = "b"})
    -> (tensor<2x5x96xf32> {jepa.name = "dx"}, tensor<40x3x2x4x4xf32> {jepa.name = "dw"}) {
  %y = jepa.linear %x, %w bias %b
    : (tensor<2x5x96xf32>, tensor<40x3x2x4x4xf32>, tensor<40xf32>) -> tensor<2x5x40xf32>
  %dx = jepa.linear_input_grad %y, %w : (tensor<2x5x40xf32>, tensor<40x3x2x4x4xf32>) -> tensor<2x5x96xf32>
  %dw = jepa.linear_weight_grad %y, %x : (tensor<2x5x40xf32>, tensor<2x5x96xf32>) -> tensor<40x3x2x4x4xf32>
  return %dx, %dw : tensor<2x5x96xf32>, tensor<40x3x2x4x4xf32>
}
