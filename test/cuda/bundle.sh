#!/usr/bin/env bash
# The whole way of tools/gpu on the stand-in driver: a bundle of small models is made, unpacked elsewhere and run, and its
# results.json is looked at. What needs a GPU or PyTorch must say that it was not measured, and why.
# usage: bundle.sh ROOT BUILD CXX
set -euo pipefail
root=$1 build=$2 cxx=$3
vectors=$root/../shared/vectors/vjepa-tiny.safetensors
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
[ -f "$vectors" ] || { echo "skipped: no $vectors"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PYTHONDONTWRITEBYTECODE=1

"$root/tools/gpu/bundle" --build "$build" --stand-in "$cxx" -o "$folder/bundle.tar.gz"
tar -C "$folder" -xzf "$folder/bundle.tar.gz"
# No GPU and no PyTorch, also where there are some: an interpreter without packages.
printf '#!/bin/sh\nexec "%s" -S "$@"\n' "$(python3 -c 'import sys; print(sys.executable)')" >"$folder/python"
chmod +x "$folder/python"
code=0
env PATH=/usr/bin:/bin LD_LIBRARY_PATH="$build/test/simt/driver/plain" "$folder/jepac-gpu/run.sh" --out "$folder/results" \
  --python "$folder/python" >"$folder/log" 2>&1 || code=$?
cat "$folder/log"
# The stand-in launches only what takes addresses: cases of other kernels must fail there, and so must the run.
[ $code = 1 ] || { echo "error: run.sh gave $code" >&2; exit 1; }

python3 - "$folder/results" <<'END'
import json, pathlib, sys

out = pathlib.Path(sys.argv[1])
result = json.loads((out / "results.json").read_text())
parts = {part["name"]: part for part in result["parts"]}
for name in ("tiny-train-f32", "tiny-train-bf16", "tiny-embed-f32"):
    assert parts["numbers-" + name]["ended"] == 0, parts["numbers-" + name]
    assert result["measured"]["numbers-" + name]["compared"] >= 5, name
assert result["measured"]["numbers-tiny-train-bf16"]["worst_cosine"]["cosine"] >= 0.995
portable = result["cases"]["portable"]
assert portable["passed"] >= 20, portable
assert all("CUDA_ERROR_NOT_FOUND" in text for text in portable["failed"]), portable["failed"]
assert parts["cases-hopper"]["ended"] == "no code for it", parts["cases-hopper"]
bench = result["measured"]["bench-tiny-train-bf16"]
assert bench["device"] == "fake GPU" and bench["kernels"] and bench["gemms"], bench
if parts["decode-cpu"]["ended"] == 0:
    assert result["measured"]["decode-cpu"]["clips_per_second_per_core"] > 0
    assert parts["decode-nvdec"]["message"].startswith("error: cannot decode with NVDEC: "), parts["decode-nvdec"]
assert result["decoding"]["not_measured"], result["decoding"]
assert len(result["rows"]) == 10
for row in result["rows"]:
    assert row["measured"] is None and row["verdict"] == "not measured" and row["reason"], row
assert parts["ceilings"]["ended"] != 0 and parts["ceilings"]["message"], parts["ceilings"]
assert result["about"]["version"].startswith("jepac ")
text = (out / "table.md").read_text()
assert text.count("| not measured |") == 10, text
END

# Mistakes are one line.
expect() { # expect CODE PATTERN COMMAND...
  local found=0 output
  output=$("${@:3}" 2>&1) || found=$?
  if [ $found -ne "$1" ] || ! grep -q -- "$2" <<<"$output"; then
    echo "error: '${*:3}' gave $found, expected $1 and '$2': $output" >&2
    exit 1
  fi
}
expect 0 "at most eight minutes" "$folder/jepac-gpu/run.sh" --help
expect 2 "no option '--fast'" "$folder/jepac-gpu/run.sh" --fast
expect 2 "'-o' needs a value" "$root/tools/gpu/bundle" -o
expect 1 "name the reference tensors with --vectors" "$root/tools/gpu/bundle" --build "$build" --vectors "$folder/none"
expect 1 "build the tree first" "$root/tools/gpu/bundle" --build "$folder"
