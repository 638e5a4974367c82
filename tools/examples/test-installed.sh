#!/bin/sh
# usage: test-installed.sh BUILD FOLDER CC CXX
# Installs a build, moves it, and builds and tests the examples against it as a user would.
set -eu
build=$1 folder=$2 here=$(dirname "$0")
rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cmake --install "$build" --prefix "$folder/first" >"$folder/install.log"
mv "$folder/first" "$folder/prefix"
for example in out-of-tree-pass out-of-tree-model; do
  cmake -G Ninja -S "$here/$example" -B "$folder/$example" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER="$3" \
    -DCMAKE_CXX_COMPILER="$4" -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" \
    -DCMAKE_PREFIX_PATH="$folder/prefix" >"$folder/$example.log" 2>&1 || { cat "$folder/$example.log"; exit 1; }
  cmake --build "$folder/$example"
  ctest --test-dir "$folder/$example" --output-on-failure
done
