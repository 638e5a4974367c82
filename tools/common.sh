# What the scripts of this folder share: `source` it, it does nothing by itself.
set -euo pipefail
script=$(basename "$0")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build

fail() {
  echo "$script: $2" >&2
  exit "$1"
}

# Configures the build folder once; Ninja looks after it from then on.
configure() {
  [[ -f $build/build.ninja ]] && return
  echo "$script: configuring $build"
  cmake -G Ninja -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 >"$root/build.log" 2>&1 || {
    tail -n 20 "$root/build.log" >&2
    fail 1 "cmake failed: see above, and build.log for all of it"
  }
  mv "$root/build.log" "$build/configure.log"
}
