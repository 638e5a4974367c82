#===- kernels.py - this GPU's ceilings and PyTorch's attention -------------===#
# Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#===-----------------------------------------------------------------------===#
"""Prints as JSON what a copy on the device moves per second (bytes read and written), what bf16 products of large
random matrices reach, and the milliseconds of PyTorch's attention, forward and backward, by backend. Medians."""

import json
import statistics
import sys

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

BATCH, HEADS = 24, 16
# (width of a head, tokens)
ATTENTION = [(64, 1568), (24, 1117), (24, 1202)]
PRODUCTS = [(8192, 8192, 8192), (16384, 8192, 4096), (37632, 4096, 1024), (37632, 1024, 4096)]
BACKENDS = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION,
            "efficient": SDPBackend.EFFICIENT_ATTENTION}


def seconds(run, before=lambda: None, count=20):
    times = []
    for i in range(count + 3):
        before()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        end.synchronize()
        if i >= 3:
            times.append(begin.elapsed_time(end) / 1e3)
    return statistics.median(times)


def copy_rate():
    source = torch.empty(2**32, dtype=torch.uint8, device="cuda").random_()
    target = torch.empty_like(source)
    return 2 * source.numel() / seconds(lambda: target.copy_(source))


def product_rate(m, n, k):
    a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
    b = torch.randn(n, k, device="cuda", dtype=torch.bfloat16).t()
    return 2 * m * n * k / seconds(lambda: a @ b)


def attention(width, tokens, backend):
    make = lambda: torch.randn(BATCH, HEADS, tokens, width, device="cuda", dtype=torch.bfloat16, requires_grad=True)
    q, k, v = make(), make(), make()
    gradient = torch.randn_like(q)
    with sdpa_kernel(backend):
        with torch.no_grad():
            forward = seconds(lambda: scaled_dot_product_attention(q, k, v))
        result = scaled_dot_product_attention(q, k, v)
        backward = seconds(lambda: torch.autograd.grad(result, (q, k, v), gradient, retain_graph=True))
    return {"forward": forward, "backward": backward}


def main():
    if not torch.cuda.is_available():
        sys.exit("error: PyTorch finds no GPU")
    result = {"torch": torch.__version__, "gpu": torch.cuda.get_device_name(),
              "capability": ".".join(map(str, torch.cuda.get_device_capability())),
              "copy_bytes_per_second": copy_rate(), "products": [], "attention": []}
    torch.cuda.empty_cache()
    for m, n, k in PRODUCTS:
        result["products"].append({"m": m, "n": n, "k": k, "flops_per_second": product_rate(m, n, k)})
    for width, tokens in ATTENTION:
        item = {"width": width, "tokens": tokens, "batch": BATCH, "heads": HEADS, "backends": {}}
        for name, backend in BACKENDS.items():
            try:
                item["backends"][name] = attention(width, tokens, backend)
            except RuntimeError as error:
                item["backends"][name] = {"not_measured": str(error).strip().splitlines()[0]}
        result["attention"].append(item)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
