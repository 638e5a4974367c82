#===- measure.py - times the PyTorch peer on request -----------------------===#
# Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#===-----------------------------------------------------------------------===#
"""measure.py SETTINGS.json TASK DTYPE THREADS eager|compile [cpu|cuda]

Warms up (compilation included), prints {"torch", "warm_up_seconds"}, and then answers each line "N" on standard input
by running N steps and printing {"seconds": [...], "peak_resident_bytes"}. In between it does nothing, so that somebody
else can be measured in turn. The peak counts what follows the warm-up: compiling is not held against it. On a GPU it is
the memory that PyTorch's tensors take there, and what only its allocator keeps goes back after each turn.
"""

import json
import sys
import time

import torch

from vjepa import Encoder, Geometry, Trainer, VJepa


def peak_resident_bytes(device):
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def forget_peak(device):
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def random_masks(g, device):
    draw = lambda count: torch.stack([torch.randperm(g.tokens)[:count].sort().values for _ in range(g.batch)]).to(device)
    return [(draw(context), draw(target)) for context, target in zip(g.context_tokens, g.target_tokens)]


def random_clip(g, device):
    return (torch.rand(g.batch, g.in_chans, g.frames, g.crop, g.crop) * 2 - 1).to(device)


def make_train(g, dtype, compiled, device):
    model = VJepa(g).to(device)
    loss = torch.compile(model, dynamic=False) if compiled else model
    trainer = Trainer(model, dtype, loss)
    clip, masks = random_clip(g, device), random_masks(g, device)
    return lambda: trainer.step(clip, masks).item()


def make_embed(g, dtype, compiled, device):
    model = Encoder(g).to(device).eval().requires_grad_(False)
    if dtype == torch.bfloat16:
        # Once, instead of by autocast in each call; norms stay in f32.
        for module in model.modules():
            if isinstance(module, (torch.nn.Linear, torch.nn.Conv3d)):
                module.to(dtype)
    if compiled:
        import torch._inductor.config as inductor
        # Weights are constants: packed once for oneDNN.
        inductor.freezing = device == "cpu"
        model = torch.compile(model, dynamic=False)
    clip = random_clip(g, device)

    def run():
        with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            features = model(clip)
        if device == "cuda":
            torch.cuda.synchronize()
        return features

    return run


def main():
    settings, task, dtype, threads, mode = sys.argv[1:6]
    device = sys.argv[6] if len(sys.argv) > 6 else "cpu"
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    with open(settings) as file:
        g = Geometry.from_settings(json.load(file))
    make = make_train if task == "train" else make_embed
    begin = time.perf_counter()
    run = make(g, {"bf16": torch.bfloat16, "f32": torch.float32}[dtype], mode == "compile", device)
    for _ in range(2):
        run()
    print(json.dumps({"torch": torch.__version__, "warm_up_seconds": time.perf_counter() - begin}), flush=True)
    forget_peak(device)
    for line in sys.stdin:
        seconds = []
        if device == "cuda":
            run()  # takes back the memory that the turn before gave away
        for _ in range(int(line)):
            begin = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - begin)
        print(json.dumps({"seconds": seconds, "peak_resident_bytes": peak_resident_bytes(device)}), flush=True)
        if device == "cuda":
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
