// The published geometry at batch 24: 3.730 TFLOP of forward pass per clip, 1.632 after pruning. The teacher stays whole
// (750 + 1104 of 1568 tokens), the students run on 363 and 94 tokens, the predictors' last blocks on their targets.

// REQUIRES: jepac
// RUN: %jepac emit vjepa-vitl16 --task train --batch 24 --context-tokens 363,94 --target-tokens 750,1104 --stage jepa \
// RUN:   | %jepa-opt --jepa-prune-tokens --jepa-pass-report=text -o %t 2>&1 | FileCheck %s
// RUN: FileCheck %s --input-file=%t --check-prefix=IR

// CHECK: 39172400271360 flops_after
// CHECK-NEXT: 89525812838400 flops_before
// CHECK: 4 selections_moved
// CHECK-NEXT: 0 selections_stopped

// IR-NOT: mask %
// IR: jepa.power_loss {{.*}}tensor<24x750x1024xf32
// IR-NOT: mask %
// IR: jepa.power_loss {{.*}}tensor<24x1104x1024xf32
