#===- check.py - is the peer the same model? -------------------------------===#
# Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#===-----------------------------------------------------------------------===#
"""check.py REFERENCE.safetensors: steps from the file's weights on its clip and masks; prints how far losses and
gradients are from the file's, as JSON. Exits 1 beyond the tolerances (f32: losses 1e-5, gradients 1e-4)."""

import json
import sys

import torch

from tensors import read_tensors
from vjepa import Geometry, Trainer, VJepa


def difference(found, expected):
    return ((found - expected).abs().max() / expected.abs().max().clamp_min(1e-30)).item()


def main():
    tensors, metadata = read_tensors(sys.argv[1])
    g = Geometry.from_settings(dict(
        metadata, batch=str(tensors["clip"].shape[0]),
        context_tokens=",".join(str(tensors[f"mask{i}.context"].shape[1]) for i in range(2)),
        target_tokens=",".join(str(tensors[f"mask{i}.target"].shape[1]) for i in range(2))))
    model = VJepa(g)
    weights = {name[5:]: value for name, value in tensors.items() if name.startswith("init.")}
    missing, unexpected = model.load_state_dict(
        {name: value.reshape(model.state_dict()[name].shape) for name, value in weights.items()
         if name in model.state_dict()}, strict=False)
    if missing or set(weights) - set(model.state_dict()):
        sys.exit(f"error: weights do not fit: missing {missing}, unknown {set(weights) - set(model.state_dict())}")
    masks = [(tensors[f"mask{i}.context"].long(), tensors[f"mask{i}.target"].long()) for i in range(2)]
    trainer = Trainer(model)
    result = {"losses": [], "gradient_error": 0.0, "gradient": ""}
    for step in range(len(tensors["losses"])):
        result["losses"].append(trainer.step(tensors["clip"], masks).item())
        if step:
            continue
        largest = max(value.abs().max() for name, value in tensors.items() if name.startswith("grad."))
        for name, p in model.named_parameters():
            # The key bias' gradient is zero up to rounding.
            if "grad." + name not in tensors or tensors["grad." + name].abs().max() < 1e-6 * largest:
                continue
            error = difference(p.grad, tensors["grad." + name].reshape(p.shape))
            if error > result["gradient_error"]:
                result["gradient_error"], result["gradient"] = error, name
    result["loss_error"] = difference(torch.tensor(result["losses"]), tensors["losses"])
    result["ok"] = result["loss_error"] < 1e-5 and result["gradient_error"] < 1e-4
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    main()
