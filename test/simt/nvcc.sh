#!/usr/bin/env bash
# Compiles kernels for a GPU: no warnings, no spills, blocks that fit, and wgmma where the path is Hopper's.
# usage: nvcc.sh LIBRARY PATH FILE.cu...    LIBRARY: the device library's folder. PATH: sm_80, sm_90a or hopper (sm_90a
# with JEPA_HOPPER; generated programs define it themselves)
library=$1 path=$2
shift 2
command -v nvcc >/dev/null || { echo "skipped: no nvcc on the PATH"; exit 77; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
arch=${path/hopper/sm_90a}
flags=(-std=c++20 -arch="$arch" -Werror all-warnings -I "$library")
[ "$path" = hopper ] && flags+=(-DJEPA_HOPPER)
here=$(dirname "${BASH_SOURCE[0]}")
status=0
for file in "$@"; do
  name=$(basename "$file" .cu)
  if ! nvcc "${flags[@]}" -cubin -Xptxas -v --keep --keep-dir "$out" -o "$out/$name.cubin" "$file" >"$out/log" 2>&1; then
    cat "$out/log"
    status=1
    continue
  fi
  hopper=0
  if [ "$path" = hopper ] || grep -q '^#define JEPA_HOPPER' "$file"; then hopper=1; fi
  awk -v name="$name" -v arch="$arch" -v hopper="$hopper" -f "$here/nvcc.awk" "$out/log" "$out/$name.ptx" || status=1
done
exit $status
