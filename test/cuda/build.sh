#!/usr/bin/env bash
# What building for a GPU costs: cold, from the cache, and in kernels. Seconds are the processor's, so that other work on the
# machine does not count.
# usage: build.sh JEPAC NVRTC    NVRTC: a folder with an NVRTC that notes what it compiles, or empty
set -euo pipefail
jepac=$1 nvrtc=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "error: $*" >&2
  exit 1
}

# Layers of one shape share their kernels, however many there are.
kernels() { # kernels DEPTH PREDICTOR_DEPTH
  "$jepac" emit vjepa-vitl16 --task train --dtype bf16 --target cuda --cuda-arch sm_90a --set depth="$1" \
    --set predictor_depth="$2" --stage cuda | grep -c '^JEPA_KERNEL'
}
deep=$(kernels 24 12) shallow=$(kernels 4 4)
echo "kernels: $deep of 24 and 12 layers, $shallow of 4 and 4"
[ "$deep" -gt 0 ] || fail "no kernels were found"
[ "$deep" = "$shallow" ] || fail "the number of kernels depends on the number of layers"

[ -n "$nvrtc" ] || { echo "skipped: no NVRTC, so kernels were counted and nothing was built"; exit 77; }
export LD_LIBRARY_PATH=$nvrtc${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} COMPILED=$folder/compiled
build() { # build NAME LIMIT PROGRAMS: within so many seconds, with so many programs compiled
  local TIMEFORMAT='%U %S' seconds
  : >"$COMPILED"
  seconds=$({ time "$jepac" build vjepa-vitl16 --task train --dtype bf16 --target cuda --cuda-arch sm_90a \
    --cache "$folder/cache" -o "$folder/$1" >"$folder/log" 2>&1; } 2>&1) || fail "$(cat "$folder/log")"
  echo "$1: $seconds s (user, system), at most $2 s"
  awk -v limit="$2" '{ exit !($1 + $2 <= limit) }' <<<"$seconds" || fail "$1: more than $2 s"
  [ "$(wc -l <"$COMPILED")" -eq "$3" ] || fail "$1: $(wc -l <"$COMPILED") programs compiled, expected $3"
}
build cold 60 1
build cached 1 0
cmp "$folder/cold" "$folder/cached" || fail "the cached build differs"
