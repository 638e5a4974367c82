//===- attention_self.cu - self-attention as it is emitted ----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "attention_backward.cuh"
#include "attention_forward.cuh"

using namespace jepa::device;

// Two clips of 70 tokens with three heads of 32. Query, key and value lie beside each other in a product's rows, and so
// do their gradients.
JEPA_KERNEL(AttentionForward<32>::threads) attention_0(bf16 *result, float *logsumexp, const bf16 *qkv) {
  AttentionForward<32>::run(Rows<bf16>{result, 96}, logsumexp, Rows<const bf16>{qkv, 288},
                            Rows<const bf16>{qkv + 96, 288}, Rows<const bf16>{qkv + 192, 288}, clipsOf(70), clipsOf(70),
                            3, 2, 0.17677669f);
}
JEPA_LAUNCH_INFO(attention_0, 3, AttentionForward<32>)
JEPA_KERNEL(AttentionDelta<32>::threads) attention_delta_0(float *delta, const bf16 *gradient, const bf16 *result) {
  AttentionDelta<32>::run(delta, Rows<const bf16>{gradient, 96}, Rows<const bf16>{result, 96}, 140, 3, 70);
}
JEPA_LAUNCH_INFO(attention_delta_0, 3, AttentionDelta<32>)
JEPA_KERNEL(AttentionQueryGrad<32>::threads, 2)
attention_query_grad_0(bf16 *qkvGrad, const bf16 *gradient, const bf16 *qkv, const float *logsumexp,
                       const float *delta) {
  AttentionQueryGrad<32>::run(Rows<bf16>{qkvGrad, 288}, Rows<const bf16>{gradient, 96}, Rows<const bf16>{qkv, 288},
                              Rows<const bf16>{qkv + 96, 288}, Rows<const bf16>{qkv + 192, 288},
                              AttentionStatistics{logsumexp, delta}, clipsOf(70), clipsOf(70), 3, 2, 0.17677669f);
}
JEPA_LAUNCH_INFO(attention_query_grad_0, 5, AttentionQueryGrad<32>)
JEPA_KERNEL(AttentionKeyGrad<32>::threads, 2)
attention_key_grad_0(bf16 *qkvGrad, const bf16 *gradient, const bf16 *qkv, const float *logsumexp, const float *delta) {
  AttentionKeyGrad<32>::run(Rows<bf16>{qkvGrad + 96, 288}, Rows<bf16>{qkvGrad + 192, 288},
                            Rows<const bf16>{gradient, 96}, Rows<const bf16>{qkv, 288}, Rows<const bf16>{qkv + 96, 288},
                            Rows<const bf16>{qkv + 192, 288}, AttentionStatistics{logsumexp, delta}, clipsOf(70),
                            clipsOf(70), 3, 2, 0.17677669f);
}
JEPA_LAUNCH_INFO(attention_key_grad_0, 5, AttentionKeyGrad<32>)
