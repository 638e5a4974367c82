#===- check.py - what a binary computes against stored results ------------===#
# Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#===-----------------------------------------------------------------------===#
"""check.py BINARY VECTORS

Replays reference tensors, compares the outputs with the stored ones by the project's tolerances, and prints the worst of
each kind as JSON; exits 1 beyond them, or with the binary's own code where it fails. f32, as max |a - b| / max |b|: 1e-5
forward and losses, 1e-4 gradients, 2e-3 final.*. bf16: 3e-2 forward; gradients by their cosines, 0.995 for each whose
norm is above 1e-6 of the largest and 0.999 for the median. Standard library only."""

import array
import json
import math
import os
import statistics
import struct
import subprocess
import sys
import tempfile

CODES = {"F64": "d", "F32": "f"}


def read(path):
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        if entry["dtype"] in CODES:
            tensors[name] = (entry["shape"], array.array(CODES[entry["dtype"]], data[begin:end]))
    return tensors


def kind_of(name):
    return name.split(".")[0] if name.startswith(("grad.", "final.", "dense.")) else "forward"


def is_compared(name, task):
    if name == "clip" or name.startswith("init.") or name.endswith((".context", ".target")):
        return False
    return name.startswith("dense.") == (task == "embed")


def difference(a, b):
    worst = max((abs(x - y) for x, y in zip(a, b)), default=0)
    largest = max((abs(y) for y in b), default=0)
    # A comparison with NaN is false, so max may have skipped it.
    if not all(math.isfinite(x) for x in a):
        return math.inf
    return worst / largest if largest else worst


def cosine(a, b):
    dot = lambda x, y: math.fsum(p * q for p, q in zip(x, y))
    length = math.sqrt(dot(a, a) * dot(b, b))
    return dot(a, b) / length if length else 0


def norm(a):
    return math.sqrt(math.fsum(x * x for x in a))


def main():
    binary, vectors = sys.argv[1:]
    info = json.loads(subprocess.run([binary, "info", "--json"], capture_output=True, check=True).stdout)
    dtype, task = info["dtype"], info["task"]
    with tempfile.TemporaryDirectory() as folder:
        outputs = os.path.join(folder, "outputs.safetensors")
        code = subprocess.run([binary, "replay", "--inputs", vectors, "--outputs", outputs], stdout=sys.stderr).returncode
        if code:
            sys.exit(code)
        found, expected = read(outputs), read(vectors)
    names = [name for name in expected if is_compared(name, task)]
    bad = [f"{name} is missing or has another shape" for name in names
           if name not in found or found[name][0] != expected[name][0]]
    tolerances = {"forward": 1e-5, "dense": 1e-5, "grad": 1e-4, "final": 2e-3}
    if dtype == "bf16":
        tolerances = {"forward": 3e-2, "dense": 3e-2}
    worst, compared = {}, 0
    for name in names if not bad else []:
        kind = kind_of(name)
        if kind not in tolerances or (dtype == "bf16" and name == "losses"):
            continue
        error = difference(found[name][1], expected[name][1])
        compared += 1
        if error > worst.get(kind, {"error": -1})["error"]:
            worst[kind] = {"error": error, "tensor": name, "tolerance": tolerances[kind]}
        if not error <= tolerances[kind]:
            bad.append(f"{name} is off by {error:.2e}")
    result = {"compared": compared, "worst": worst}
    if dtype == "bf16" and task == "train" and not bad:
        gradients = [name for name in names if name.startswith("grad.")]
        norms = {name: norm(expected[name][1]) for name in gradients}
        floor = 1e-6 * max(norms.values(), default=0)
        cosines = {name: cosine(found[name][1], expected[name][1]) for name in gradients if norms[name] > floor}
        name = min(cosines, key=cosines.get)
        median = statistics.median(cosines.values())
        result.update(compared=compared + len(cosines), worst_cosine={"cosine": cosines[name], "tensor": name},
                      median_cosine=median)
        if not (all(math.isfinite(x) for x in cosines.values()) and cosines[name] >= 0.995 and median >= 0.999):
            bad.append(f"gradients: worst cosine {cosines[name]:.6f} ({name}), median {median:.6f}")
    if not result["compared"] and not bad:
        bad.append("nothing to compare")
    result.update(ok=not bad, bad=bad[:20])
    print(json.dumps(result))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
