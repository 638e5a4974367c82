#!/usr/bin/env bash
# Compiles kernels for a GPU: no warnings, no spills, and wgmma or fp8 where the path is Hopper's.
# usage: nvcc.sh ROOT PATH FILE.cu...    PATH: sm_80, sm_90a or hopper
root=$1 path=$2
shift 2
command -v nvcc >/dev/null || { echo "skipped: no nvcc on the PATH"; exit 77; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
flags=(-std=c++20 -arch="${path/hopper/sm_90a}" -Werror all-warnings -I "$root/compiler/target/cuda/device")
[ "$path" = hopper ] && flags+=(-DJEPA_HOPPER)
status=0
for file in "$@"; do
  name=$(basename "$file" .cu)
  if ! nvcc "${flags[@]}" -cubin -Xptxas -v --keep --keep-dir "$out" -o "$out/$name.cubin" "$file" >"$out/log" 2>&1; then
    cat "$out/log"
    status=1
    continue
  fi
  kernels=$(grep -c 'Compiling entry function' "$out/log")
  if grep -E 'warning|[1-9][0-9]* bytes (spill|stack)' "$out/log"; then
    echo "error: $name spills or warns"
    status=1
  fi
  if [ "$path" = hopper ] && ! grep -qE 'wgmma.mma_async|e4m3x2' "$out/$name.ptx"; then
    echo "error: $name has no wgmma or fp8 in its PTX"
    status=1
  fi
  # Either all of a source's kernels say how they are launched, or none.
  if grep -q '^ *JEPA_LAUNCH_INFO(' "$file"; then
    for kernel in $(sed -n "s/.*Compiling entry function '\(\w*\)'.*/\1/p" "$out/log"); do
      grep -q "\.global .* ${kernel}_launch\[12\]" "$out/$name.ptx" && continue
      echo "error: $kernel in $name has no JEPA_LAUNCH_INFO"
      status=1
    done
  fi
  registers=$(grep -o 'Used [0-9]* registers' "$out/log" | sort -k2 -n | tail -1)
  echo "$name: $kernels kernels for $path, ${registers,} at most"
  [ "$kernels" -gt 0 ] || status=1
done
exit $status
