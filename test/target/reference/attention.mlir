// A hidden key is skipped: loops run over the mask's list, and over the run-time length of each of its segments.
// RUN: %jepa-opt %s --jepa-lower-to-kernels="target=reference max-threads=4" --canonicalize --cse | FileCheck %s

// A row of scores per thread, not per query.
// CHECK-LABEL: func.func @forward(
// CHECK: %[[SCORES:.*]] = jepa.buffer {{.*}} -> memref<4x6xf64>
// CHECK: jepa.launch @attention_0(%{{.*}}, %{{.*}}, %[[SCORES]], {{.*}}) {count = 12 : i64, {{.*}}writes = 3 : i64}
func.func @forward(%q: tensor<2x3x8xf32>, %k: tensor<2x6x8xf32>, %v: tensor<2x6x8xf32>, %m: tensor<2x5xi32>,
                   %n0: tensor<1xi32>, %n1: tensor<1xi32>) -> tensor<2x3x8xf32> {
  %o, %l = jepa.attention %q, %k, %v mask %m lengths(%n0, %n1) {heads = 2, segments = array<i64: 2, 3>}
    : (tensor<2x3x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x5xi32>, tensor<1xi32>, tensor<1xi32>)
    -> (tensor<2x3x8xf32>, tensor<2x2x3xf32>)
  return %o : tensor<2x3x8xf32>
}

// One task per head of a clip writes its columns of all three gradients.
// CHECK-LABEL: func.func @backward(
// CHECK: jepa.launch @attention_grad_1({{.*}}) {count = 4 : i64, grain = 1 : i64, {{.*}}writes = 6 : i64}
func.func @backward(%do: tensor<2x3x8xf32>, %q: tensor<2x3x8xf32>, %k: tensor<2x6x8xf32>, %v: tensor<2x6x8xf32>,
                    %o: tensor<2x3x8xf32>, %l: tensor<2x2x3xf32>) -> (tensor<2x3x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>) {
  %dq, %dk, %dv = jepa.attention_grad %do, %q, %k, %v, %o, %l {heads = 2}
    : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x3x8xf32>,
       tensor<2x2x3xf32>) -> (tensor<2x3x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>)
  return %dq, %dk, %dv : tensor<2x3x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>
}

// CHECK-LABEL: func.func private @attention_0(
// CHECK-SAME: %[[MASK:[a-z0-9]+]]: memref<2x5xi32> {{[^%]*}} %[[N0:[a-z0-9]+]]: memref<1xi32> {{[^%]*}} %[[N1:[a-z0-9]+]]: memref<1xi32>
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[TWO:.*]] = arith.constant 2 : index
// CHECK-DAG: %[[LOWEST:.*]] = arith.constant 0xFFF0000000000000 : f64
// CHECK: memref.load %[[N0]]
// CHECK: %[[END0:.*]] = arith.index_cast
// CHECK: memref.load %[[N1]]
// CHECK: %[[LENGTH1:.*]] = arith.index_cast
// CHECK: %[[END1:.*]] = arith.addi %[[LENGTH1]], %[[TWO]]
// CHECK: %[[MAX0:.*]] = scf.for %[[SLOT:.*]] = %[[ZERO]] to %[[END0]] {{.*}} = %[[LOWEST]])
// CHECK: memref.load %[[MASK]][%{{.*}}, %[[SLOT]]]
// CHECK: arith.maxnumf
// CHECK: scf.for %{{.*}} = %[[TWO]] to %[[END1]] {{.*}} = %[[MAX0]])
// CHECK: math.exp
// CHECK: math.log
