#===- report.py - the table of tools/gpu from parts whose figures are known ===#
# Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#===-----------------------------------------------------------------------===#
"""report.py ROOT: what tools/gpu/report.py and check.py make of outputs that were written by hand."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))
GPU = ROOT / "tools/gpu"


def kernel(name, seconds, calls=1, flops=0, bytes=0):
    return {"name": name, "phase": "student", "seconds": seconds, "calls": calls, "flops": flops, "bytes": bytes}


def gemm(seconds, flops, inputs="bf16"):
    return {"m": 1, "n": 1, "k": 1, "inputs": inputs, "seconds": seconds, "flops": flops}


def flops(width, tokens):
    return 4 * 24 * 16 * tokens * tokens * width


def parts():
    """Of a run in which everything was measured."""
    backends = lambda forward, backward: {"flash": {"forward": forward, "backward": backward},
                                          "cudnn": {"forward": 2 * forward, "backward": backward / 2},
                                          "efficient": {"not_measured": "no kernel"}}
    small, large = flops(24, 1117), flops(24, 1202)
    return {
        "cases-hopper": "passed layout 16 16 0 0: 0123456789abcdef\npassed attention 24 clips: 00000000000000ff\n",
        "ceilings": {"copy_bytes_per_second": 4e12, "products": [{"flops_per_second": 700e12}],
                     "attention": [
                         {"width": 64, "tokens": 1568, "backends": backends(1.0, 4.0)},
                         {"width": 24, "tokens": 1117, "backends": backends(1.0, 4.0)},
                         {"width": 24, "tokens": 1202, "backends": backends(2.0, 6.0)}]},
        "bench-vitl-train": {
            "achieved_flops": 400e12, "seconds_per_step": 0.15, "device_bytes": 1000, "peak_bytes": 980,
            "gemms": [gemm(2.0, 800e12), gemm(1.0, 600e12), gemm(1.0, 900e12, "f32")],
            "kernels": [kernel("layer_norm_grad_x_add_cast_1", 2.0, 24, bytes=6e12),
                        kernel("layer_norm_grad_x_add_sum_to_2", 1.0, 24, bytes=3e12), kernel("layer_norm_3", 9.0, bytes=1),
                        kernel("adamw_4", 1.0, bytes=2.16e12)]},
        "bench-vitl-embed": {"achieved_flops": 440e12, "gemms": []},
        "bench-vitl-train-fp8": {"seconds_per_step": 0.125},
        "bench-attention-64": {"kernels": [
            kernel("attention_1", 8.0, 4, 4 * flops(64, 1568)), kernel("attention_grad_2", 6.0, 2, 4 * flops(64, 1568)),
            kernel("attention_delta_3", 2.0, 2)]},
        "bench-attention-24": {"kernels": [
            # In two phases, and one of another shape.
            kernel("attention_1", 1.0, 1, small), kernel("attention_1", 0.5, 2, 2 * small), kernel("attention_9", 99.0, 1, 5),
            kernel("attention_2", 0.5, 1, large), kernel("attention_query_grad_3", 0.5, 1, small),
            kernel("attention_key_grad_4", 0.5, 1, small), kernel("attention_query_grad_5", 0.25, 1, large),
            kernel("attention_key_grad_6", 0.75, 1, large), kernel("attention_delta_7", 0.5), kernel("attention_delta_8", 0.25)]},
        "compare-train": {"speedup": 1.75, "memory_ratio": 0.7, "pytorch": {}},
        "decode-cpu": {"clips_per_second_per_core": 8.0, "decoded_on_cpu": 2},
        "decode-nvdec": {"clips_per_second_per_core": 20.0, "decoded_on_cpu": 0},
        "products": {"gemms": [gemm(1.8, 0), gemm(1.5, 0), gemm(1.0, 0, "f32")]},
    }


def report(outputs, ended={}, layouts="passed layout 16 16 0 0: 0123456789abcdef\n"):
    """(exit code, results.json, table.md)."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "data").mkdir()
        (folder / "data/layouts.txt").write_text(layouts)
        (folder / "about.json").write_text('{"commit": "abc"}')
        for part, output in outputs.items():
            (folder / f"{part}.out").write_text(output if isinstance(output, str) else json.dumps(output))
            (folder / f"{part}.log").write_text("warming up\nerror: it broke\n")
        (folder / "parts.tsv").write_text("".join(f"{part}\t{ended.get(part, 0)}\t1\n" for part in outputs))
        done = subprocess.run([sys.executable, GPU / "report.py", folder, folder, "77"], capture_output=True, text=True)
        return done.returncode, json.loads((folder / "results.json").read_text()), (folder / "table.md").read_text()


class Report(unittest.TestCase):
    def test_figures(self):
        code, result, table = report(parts())
        self.assertEqual(code, 0)
        expected = [([400 / 800], "floor"), ([1.75], "floor"), ([0.7], "below"), ([1.2], "aim"), ([0.55], "below"),
                    ([0.5, 2 / (3 + 1)], "below"),
                    # Ours: 1.5 / 3 + 0.5 forward; 1 + 1 + 0.5 backward.
                    ([3.0, 5 / 2.5], "aim"),
                    ([0.75, 0.9], "floor"), ([(1.8 + 1 + 1) / 4], "floor"), ([0.02], "floor")]
        for row, (figures, verdict) in zip(result["rows"], expected, strict=True):
            self.assertEqual(len(row["measured"]), len(figures), row)
            for found, figure in zip(row["measured"], figures):
                self.assertAlmostEqual(found, figure, msg=row["what"])
            self.assertEqual(row["verdict"], verdict, row)
        self.assertEqual(result["layouts"], "as the executor has them")
        self.assertIn("| 0.45 | 0.62 | 0.5 | floor |", table)
        self.assertEqual(result["decoding"], {"nvdec": 20, "cpu": 8, "ratio": 2.5})
        self.assertIn("NVDEC against the CPU: 20 / 8 = 2.5\n", table)

    def test_what_is_missing_is_said(self):
        outputs = parts()
        del outputs["bench-vitl-embed"]
        outputs["compare-train"] = {"pytorch": {"eager": {"not_measured": "no torch"}}}
        outputs["ceilings"] = {}
        code, result, table = report(outputs, {"bench-attention-64": 124, "products": "no binary for it"})
        self.assertEqual(code, 0)
        reasons = {row["what"][:20]: row.get("reason", "") for row in result["rows"]}
        self.assertIn("no torch", reasons["the same against the"])
        self.assertEqual(reasons["embed ViT-L/16 batch"], "not run")
        self.assertEqual(reasons["attention width 64, "], "error: it broke")
        self.assertEqual(reasons["GEMMs against the be"], "error: it broke")
        self.assertIn("not understood", reasons["layer-norm backward "])
        # Products of the program are left to be the ceiling.
        self.assertAlmostEqual(result["rows"][0]["measured"][0], 400 / 800)

    def test_decoding_without_nvdec(self):
        code, result, table = report(parts(), {"decode-nvdec": 1})
        self.assertEqual(code, 0)
        self.assertIn("NVDEC against the CPU: not measured: error: it broke\n", table)
        outputs = dict(parts(), **{"decode-nvdec": {"clips_per_second_per_core": 9.0, "decoded_on_cpu": 1}})
        self.assertIn("not measured: NVDEC does not take 1 of the videos\n", report(outputs)[2])
        del outputs["decode-cpu"]
        self.assertEqual(report(outputs)[1]["decoding"], {"not_measured": "not run"})

    def test_wrong_numbers_fail_the_run(self):
        outputs = dict(parts(), **{"numbers-a": {"ok": False}, "cases-portable": "FAILED row gelu 8: is 1, not 2\n"})
        self.assertEqual(report(outputs)[0], 0)
        self.assertEqual(report(outputs, {"numbers-a": 1})[0], 1)
        code, result, table = report(outputs, {"cases-portable": 1})
        self.assertEqual(code, 1)
        self.assertEqual(result["cases"]["portable"]["failed"], ["row gelu 8: is 1, not 2"])
        self.assertEqual(report(outputs, {"sanitizer-memcheck": "no compute-sanitizer"})[0], 0)

    def test_layouts_of_another_gpu(self):
        self.assertEqual(report(parts(), layouts="passed layout 16 16 0 0: 0123456789abcdee\n")[1]["layouts"],
                         "not as the executor has them")


def tensors(**values):
    """A safetensors file of one-dimensional f32 tensors."""
    header, data = {}, b""
    for name, numbers in values.items():
        packed = struct.pack(f"<{len(numbers)}f", *numbers)
        header[name.replace("__", ".")] = {"dtype": "F32", "shape": [len(numbers)],
                                           "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Check(unittest.TestCase):
    def check(self, found, expected, dtype="f32", task="train", code=0):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "found").write_bytes(found)
            (folder / "expected").write_bytes(expected)
            binary = folder / "binary"
            binary.write_text(f'#!/bin/sh\n[ $1 = info ] && echo \'{{"dtype":"{dtype}","task":"{task}"}}\' && exit\n'
                              f'cp "{folder}/found" "$5"\nexit {code}\n')
            binary.chmod(0o755)
            done = subprocess.run([sys.executable, GPU / "check.py", binary, folder / "expected"], capture_output=True,
                                  text=True)
            return done.returncode, json.loads(done.stdout) if done.stdout else None

    def test_f32(self):
        expected = tensors(losses=[1, 2], grad__a=[1, -4], final__a=[1, 1], clip=[7], dense__norm=[1])
        self.assertEqual(self.check(expected, expected)[1]["compared"], 3)
        off = lambda **values: self.check(tensors(**{"losses": [1, 2], "grad__a": [1, -4], "final__a": [1, 1], **values}),
                                          expected)[0]
        self.assertEqual(off(), 0)
        self.assertEqual(off(losses=[1.00001, 2]), 0)
        self.assertEqual(off(losses=[1.0001, 2]), 1)
        self.assertEqual(off(grad__a=[1.001, -4]), 1)
        self.assertEqual(off(final__a=[1.001, 1]), 0)
        self.assertEqual(off(final__a=[float("nan"), 1]), 1)
        self.assertEqual(off(grad__a=[1, -4, 0]), 1)
        self.assertEqual(self.check(tensors(losses=[1, 2]), expected)[0], 1)
        self.assertEqual(self.check(expected, expected, task="embed")[1]["compared"], 1)
        self.assertEqual(self.check(expected, expected, code=3)[0], 3)
        self.assertEqual(self.check(expected, tensors(clip=[1]))[0], 1)

    def test_bf16(self):
        expected = tensors(mask0__predicted=[1, 2], grad__a=[1, 0, 0], grad__b=[0, 1, 0], grad__c=[1e-9, 0, 0], final__a=[1])
        found = dict(mask0__predicted=[1.05, 2], grad__a=[1, 0.01, 0], grad__b=[0, 1, 0], grad__c=[-1e-9, 0, 0], final__a=[9])
        code, result = self.check(tensors(**found), expected, "bf16")
        self.assertEqual(code, 0, result)
        self.assertEqual(result["compared"], 3)
        self.assertEqual(self.check(tensors(**dict(found, mask0__predicted=[1.1, 2])), expected, "bf16")[0], 1)
        self.assertEqual(self.check(tensors(**dict(found, grad__a=[1, 0.2, 0])), expected, "bf16")[0], 1)
        self.assertEqual(self.check(tensors(**dict(found, grad__a=[float("nan"), 0, 0])), expected, "bf16")[0], 1)


if __name__ == "__main__":
    unittest.main()
