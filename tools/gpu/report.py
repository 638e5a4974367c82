#===- report.py - one results.json and a table of what the parts say -------===#
# Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#===-----------------------------------------------------------------------===#
"""report.py BUNDLE OUT SECONDS: reads OUT/parts.tsv, *.out and *.log, writes OUT/results.json and OUT/table.md, and
prints the table. Exits 1 when numbers, cases or the sanitizer's runs failed. Standard library only."""

import json
import pathlib
import re
import sys

# A sweep reads and writes parameters, moments and teachers, which the plan's bytes count once.
SWEEP_TRAFFIC = 5 / 3


class NotMeasured(Exception):
    pass


class Parts:
    """What run.sh left of its parts, by name."""

    def __init__(self, out):
        self.out, self.list = out, []
        for line in (out / "parts.tsv").read_text().splitlines():
            name, ended, seconds = line.split("\t")
            self.list.append({"name": name, "ended": int(ended) if ended.isdigit() else ended,
                              "seconds": int(seconds), "message": self.last_line(name, ended)})

    def last_line(self, name, ended):
        """Of the messages, where something went wrong; errors before all else."""
        if ended == "0":
            return ""
        lines = [line for suffix in ("log", "out") for line in self.text(name, suffix).splitlines() if line.strip()]
        errors = [line for line in lines if "rror" in line or line.startswith("FAILED")]
        return (errors or lines or [""])[-1].strip()[:400]

    def text(self, name, suffix="out"):
        file = self.out / f"{name}.{suffix}"
        return file.read_text(errors="replace") if file.exists() else ""

    def part(self, name):
        return next((part for part in self.list if part["name"] == name), None)

    def reason(self, part):
        code = {124: "out of the part's time", 137: "out of the part's time"}.get(part["ended"], part["ended"])
        return part["message"] or (f"exit code {code}" if isinstance(code, int) else code)

    def json(self, name):
        """What the part printed; NotMeasured says why there is nothing."""
        part = self.part(name)
        if not part:
            raise NotMeasured("not run")
        if part["ended"] != 0:
            raise NotMeasured(self.reason(part))
        return json.loads(self.text(name))


def cases_of(text):
    passed = dict(re.findall(r"^passed (.*): ([0-9a-f]{16})$", text, re.M))
    failed = re.findall(r"^FAILED (.*)$", text, re.M)
    return {"passed": len(passed), "failed": failed, "digests": passed}


def layouts(cases, expected):
    """Whether the GPU keeps operands and sums where the executor does: exact sums, so the same bits."""
    found = {name: digest for name, digest in cases["digests"].items() if name.startswith("layout ")}
    if not found:
        return "not measured"
    same = all(found.get(name) == digest for name, digest in cases_of(expected)["digests"].items())
    return "as the executor has them" if same else "not as the executor has them"


def decoding(parts):
    """Clips per second of one thread, by NVDEC and on the CPU; or why not."""
    try:
        cpu, nvdec = parts.json("decode-cpu"), parts.json("decode-nvdec")
        if nvdec["decoded_on_cpu"]:
            raise NotMeasured(f"NVDEC does not take {nvdec['decoded_on_cpu']} of the videos")
        rates = [side["clips_per_second_per_core"] for side in (nvdec, cpu)]
        return {"nvdec": rates[0], "cpu": rates[1], "ratio": rates[0] / rates[1]}
    except NotMeasured as error:
        return {"not_measured": str(error)}
    except (KeyError, ValueError, ZeroDivisionError, TypeError) as error:
        return {"not_measured": f"the part's output is not understood: {error!r}"}


#===----------------------------------------------------------------------===#
# Figures
#===----------------------------------------------------------------------===#


class Figures:
    """Each figure of the table, from the parts' JSON; NotMeasured where a part of it is missing."""

    def __init__(self, parts):
        self.parts = parts

    def bench(self, name):
        return self.parts.json("bench-" + name)

    def product_rate(self):
        """The best of bf16 products: large ones by PyTorch, and those of the programs, alone."""
        rates = []
        for part in ("ceilings", "bench-vitl-train", "bench-vitl-embed"):
            try:
                data = self.parts.json(part)
            except NotMeasured as error:
                missing = error
                continue
            rates += [item["flops_per_second"] for item in data.get("products", [])]
            rates += [item["flops"] for item in data.get("gemms", []) if item["inputs"] == "bf16"]
        if not rates:
            raise missing
        return max(rates)

    def share_of_products(self, name):
        return [self.bench(name)["achieved_flops"] / self.product_rate()]

    def speedup(self):
        return [self.compared("speedup")]

    def memory(self):
        return [self.compared("memory_ratio")]

    def compared(self, key):
        result = self.parts.json("compare-train")
        if key not in result:
            raise NotMeasured("; ".join(f"{mode}: {item.get('not_measured')}" for mode, item in result["pytorch"].items()))
        return result[key]

    def fp8(self):
        return [self.bench("vitl-train")["seconds_per_step"] / self.bench("vitl-train-fp8")["seconds_per_step"]]

    def attention(self, name, width, tokens):
        """PyTorch's fastest backend over ours, forward and backward, summed over the numbers of tokens."""
        kernels = self.bench(name)["kernels"]
        theirs = {"forward": 0, "backward": 0}
        for item in self.parts.json("ceilings")["attention"]:
            if item["width"] != width or item["tokens"] not in tokens:
                continue
            for direction in theirs:
                times = [b[direction] for b in item["backends"].values() if direction in b]
                if not times:
                    raise NotMeasured(f"no backend of PyTorch takes width {width}")
                theirs[direction] += min(times)
        flops = [4 * 24 * 16 * count * count * width for count in tokens]
        ours = {"forward": 0, "backward": 0}
        for wanted in flops:
            for direction, pattern in (("forward", r"attention_\d+$"), ("backward", r"attention_[a-z_]*grad[a-z_]*_\d+$")):
                found = [k for k in kernels if re.match(pattern, k["name"])
                         and any(abs(k["flops"] / k["calls"] / wanted - times) < 1e-3 for times in (1, 1.5, 2, 2.5))]
                if not found:
                    raise NotMeasured(f"no {direction} kernel of that shape in the profile")
                # One name for one kernel; the same kernel can stand in several phases.
                for kernel in {k["name"] for k in found}:
                    rows = [k for k in found if k["name"] == kernel]
                    ours[direction] += sum(k["seconds"] for k in rows) / sum(k["calls"] for k in rows)
        deltas = [k["seconds"] / k["calls"] for k in kernels if k["name"].startswith("attention_delta")]
        ours["backward"] += max(deltas, default=0)
        return [theirs[direction] / ours[direction] for direction in ours]

    def bandwidth(self):
        """Layer norm's adjoint with the residual, and the optimiser's sweep, as shares of a copy."""
        kernels, copy = self.bench("vitl-train")["kernels"], self.parts.json("ceilings")["copy_bytes_per_second"]
        shares = []
        for pattern, traffic in ((r"layer_norm_grad.*_add", 1), (r"adamw", SWEEP_TRAFFIC)):
            rows = [k for k in kernels if re.match(pattern, k["name"])]
            if not rows:
                raise NotMeasured(f"no kernel '{pattern}' in the profile")
            shares.append(traffic * sum(k["bytes"] for k in rows) / sum(k["seconds"] for k in rows) / copy)
        return shares

    def algorithms(self):
        """The best of a hundred proposals per shape over the one that is taken, in time."""
        taken, best = self.bench("vitl-train")["gemms"], self.parts.json("products")["gemms"]
        return [sum(min(a["seconds"], b["seconds"]) for a, b in zip(taken, best)) / sum(a["seconds"] for a in taken)]

    def predicted_memory(self):
        bench = self.bench("vitl-train")
        return [abs(bench["device_bytes"] - bench["peak_bytes"]) / bench["device_bytes"]]


def rows_of(parts):
    """(what, floors, aims, figures, whether less is better), in the order of the table."""
    figures = Figures(parts)
    return [
        ("ViT-L/16 224x16 batch 24 step / best bf16 GEMM rate", [0.45], [0.62],
         lambda: figures.share_of_products("vitl-train"), False),
        ("the same against the faster of PyTorch eager and compiled", [1.5], [2.0], figures.speedup, False),
        ("the same, peak device memory over PyTorch's", [0.65], [0.4], figures.memory, True),
        ("fp8 teacher against bf16, whole step", [1.06], [1.13], figures.fp8, False),
        ("embed ViT-L/16 batch 8 / GEMM rate", [0.6], [0.75], lambda: figures.share_of_products("vitl-embed"), False),
        ("attention width 64, 1568 tokens, forward / backward, against PyTorch's best", [0.8, 0.8], [1.05, 1.05],
         lambda: figures.attention("attention-64", 64, [1568]), False),
        ("attention width 24, 1117 and 1202 tokens, forward / backward, against the same", [1.2, 1.2], [1.8, 1.8],
         lambda: figures.attention("attention-24", 24, [1117, 1202]), False),
        ("layer-norm backward with residual / AdamW sweep: share of copy bandwidth", [0.7, 0.85], [0.8, 0.92],
         figures.bandwidth, False),
        ("GEMMs against the best cuBLASLt algorithm per shape", [0.95], [1.0], figures.algorithms, False),
        ("peak memory predicted by info, relative error", [0.05], [0.0], figures.predicted_memory, True)]


def judge(found, floors, aims, less):
    reaches = lambda limits: all(a <= b if less else a >= b for a, b in zip(found, limits))
    return "aim" if reaches(aims) else "floor" if reaches(floors) else "below"


def measure(parts):
    rows = []
    for what, floors, aims, figure, less in rows_of(parts):
        row = {"what": what, "floor": floors, "aim": aims, "measured": None}
        try:
            row["measured"] = figure()
            row["verdict"] = judge(row["measured"], floors, aims, less)
        except NotMeasured as error:
            row.update(verdict="not measured", reason=str(error))
        except (KeyError, ValueError, ZeroDivisionError, TypeError) as error:
            row.update(verdict="not measured", reason=f"the part's output is not understood: {error!r}")
        rows.append(row)
    return rows


def table(result):
    numbers = lambda values: "; ".join(f"{value:.3g}" for value in values)
    lines = [f"{result['gpu'] or 'no GPU was found'}; jepac at {result['about']['commit']}", "",
             "| what | floor | aim | measured | |", "| --- | --- | --- | --- | --- |"]
    for row in result["rows"]:
        found = numbers(row["measured"]) if row["measured"] else "not measured"
        verdict = row["verdict"] if row["measured"] else row["reason"].replace("|", "/")
        lines.append(f"| {row['what']} | {numbers(row['floor'])} | {numbers(row['aim'])} | {found} | {verdict} |")
    lines.append("")
    for name, cases in result["cases"].items():
        lines.append(f"cases, {name}: {cases['passed']} passed, {len(cases['failed'])} failed")
    lines.append(f"layouts of wgmma: {result['layouts']}")
    found = result["decoding"]
    lines.append("clips per second of one thread, NVDEC against the CPU: " + (
        f"not measured: {found['not_measured']}" if "not_measured" in found
        else f"{found['nvdec']:.3g} / {found['cpu']:.3g} = {found['ratio']:.3g}"))
    for part in result["parts"]:
        if part["ended"] != 0 or part["name"].startswith(("numbers", "sanitizer")):
            ended = {0: "right"}.get(part["ended"], f"exit code {part['ended']}" if isinstance(part["ended"], int)
                                     else part["ended"])
            lines.append(f"{part['name']}: {ended}" + (f": {part['message']}" if part["message"] else ""))
    return "\n".join(lines) + "\n"


def main():
    bundle, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    parts = Parts(out)
    gpu = out / "gpu.txt"
    result = {"about": json.loads((bundle / "about.json").read_text()),
              "gpu": gpu.read_text().strip() if gpu.exists() else "", "seconds": int(sys.argv[3]), "parts": parts.list,
              "cases": {}, "measured": {}}
    for part in parts.list:
        name = part["name"]
        if name.startswith("cases-"):
            result["cases"][name.removeprefix("cases-")] = cases_of(parts.text(name))
            continue
        try:
            result["measured"][name] = json.loads(parts.text(name))
        except ValueError:
            pass  # a part without JSON: its end is in the list
    result["layouts"] = layouts(result["cases"].get("hopper", cases_of("")), (bundle / "data/layouts.txt").read_text())
    result["decoding"] = decoding(parts)
    result["rows"] = measure(parts)
    (out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / "table.md").write_text(table(result))
    print(table(result), end="")
    wrong = [part for part in parts.list if part["name"].startswith(("numbers", "cases", "sanitizer"))
             and isinstance(part["ended"], int) and part["ended"] != 0]
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
