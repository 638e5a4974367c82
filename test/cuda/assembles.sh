#!/usr/bin/env bash
# Every kernel of a model's training step and of its encoder assembles for a GPU (nvcc.sh says what that means).
# usage: assembles.sh JEPAC ROOT MODEL ARCH
set -euo pipefail
jepac=$1 root=$2 model=$3 arch=$4
command -v nvcc >/dev/null || { echo "skipped: no nvcc on the PATH"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for task in train embed; do
  "$jepac" emit "$model" --task $task --dtype bf16 --batch 24 --target cuda --cuda-arch "$arch" -o "$folder/$task" >/dev/null
  echo "$model, $task:"
  # The library as it was emitted: the program's folder is all that it takes.
  "$root/test/simt/nvcc.sh" "$folder/$task/device" "$arch" "$folder/$task/kernels.cu"
done
