#!/usr/bin/env bash
# The benchmark scripts without their measurements: usage, mistakes, and what they say where PyTorch cannot be had.
# usage: bench-tools.sh ROOT JEPAC
set -uo pipefail
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
export PYTHONDONTWRITEBYTECODE=1
tools=$1/tools/bench jepac=$2 folder=$(mktemp -d) status=0
trap 'rm -rf "$folder"' EXIT
expect() { # expect CODE PATTERN COMMAND...
  local code=$1 pattern=$2 found output
  shift 2
  output=$("$@" 2>&1)
  found=$?
  if [ $found -ne "$code" ] || ! grep -q -- "$pattern" <<<"$output"; then
    echo "error: '$*' gave $found, expected $code and '$pattern': $output" >&2
    status=1
  fi
}
expect 0 "A B A B" "$tools/compare" --help
expect 0 "Markdown" "$tools/table" --help
expect 2 "no row 'speed'" "$tools/table" --rows speed
expect 1 "vjepa-tinny" "$tools/compare" --jepac "$jepac" --dtype f32 vjepa-tinny
# A row that cannot be measured says why, and the table goes on.
expect 0 "| not measured |.*No such file" "$tools/table" --rows threads,build --jepac "$folder/nowhere"
expect 0 "out of the 0 s" "$tools/table" --rows threads --seconds 0 --jepac "$jepac"
# A virtual environment that cannot be made.
touch "$folder/venv"
expect 0 "not measured: no virtual environment" \
  "$tools/compare" --jepac "$jepac" --venv "$folder/venv" --rounds 1 --steps 1 --dtype f32 --batch 2 vjepa-tiny
expect 0 "not measured: PyTorch's interpreter cannot be started.*nowhere" \
  "$tools/compare" --jepac "$jepac" --python "$folder/nowhere" --rounds 1 --steps 1 --dtype f32 --batch 2 vjepa-tiny
exit $status
