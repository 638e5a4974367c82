#!/usr/bin/env bash
# Fails when the tree breaks one of its own rules: what is where, and how large.
# usage: tree.sh ROOT
cd "$1" || exit 1
status=0
complain() {
  echo "error: $*" >&2
  status=1
}
if git rev-parse --git-dir >/dev/null 2>&1; then
  mapfile -t files < <(git ls-files --cached --others --exclude-standard | while read -r f; do [ -f "$f" ] && echo "$f"; done)
else
  mapfile -t files < <(find . -type f -not -path './build*/*' -not -path './out/*' | sed 's|^\./||')
fi

# The top holds these and nothing else.
for file in "${files[@]}"; do
  case $file in
    .* | LICENSE | README.md | CMakeLists.txt) ;;
    dsl/* | compiler/* | passes/* | runtime/* | models/* | test/* | tools/*) ;;
    *) complain "$file: does not belong at the top" ;;
  esac
done

# A pass is a folder of four files, and has tests.
for folder in passes/*/; do
  name=$(basename "$folder")
  for file in "$name.td" "$name.h" "$name.cpp" CMakeLists.txt; do
    [ -f "$folder$file" ] || complain "$folder: $file is missing"
  done
  kebab=$(sed 's/\(.\)\([A-Z]\)/\1-\2/g' <<<"$name" | tr '[:upper:]' '[:lower:]')
  tests=test/passes/$kebab
  [ -f "$tests/example.mlir" ] || complain "$tests/example.mlir is missing: a pass has an example"
  ls "$tests"/errors*.mlir >/dev/null 2>&1 || complain "$tests/errors.mlir is missing: a pass has tests that expect errors"
done

for file in "${files[@]}"; do
  folder=$(dirname "$file")
  case $file in
    *.cpp | *.h | *.cu | *.cuh | *.td | *.mlir | *.sh | *.def)
      lines=$(wc -l <"$file")
      [ "$lines" -le 800 ] || complain "$file: $lines lines, at most 800: split it"
      ;;
  esac
  # What is compiled is named by a CMakeLists.txt: its own or the next one above (add_jepa_pass names a folder's pass).
  case $file in
    test/dsl/compile-fail/*) ;; # one rule for all
    *.cpp)
      name=$(basename "$file" .cpp) list=$folder
      until [ -f "$list/CMakeLists.txt" ] || [ "$list" = . ]; do list=$(dirname "$list"); done
      grep -qw "$name" "$list/CMakeLists.txt" || grep -qw "$name" "$(dirname "$list")/CMakeLists.txt" ||
        complain "$file: not in $list/CMakeLists.txt"
      ;;
  esac
  case $file in
    test/dsl/compile-fail/* | test/dsl/correctness/*) ;;
    *.cpp | *.h | *.cu | *.cuh)
      sed -n 3p "$file" | grep -q SPDX-License-Identifier || complain "$file: does not begin with the licence's three lines"
      ;;
  esac
done

# Each folder says on at most a page what it holds.
for folder in . dsl compiler compiler/*/ compiler/target/cuda/*/ test/simt test/simt/driver passes runtime runtime/*/ models models/*/ test tools; do
  case $folder in compiler/cmake/) continue ;; esac
  readme=${folder%/}/README.md
  [ -f "$readme" ] || { complain "$readme is missing"; continue; }
  lines=$(wc -l <"$readme")
  [ "$folder" = . ] || [ "$lines" -le 60 ] || complain "$readme: $lines lines, more than a page"
done

# The text is about the project, not about whose hands or machine it passed through. Brackets keep this file out.
words='\b[s]essions?\b|[a]ssistant|[c]hatbot|\b[l]anguage model|/[w]ork/|/[r]oot/|/[t]mp/jepac|/[h]ome/'
if hits=$(grep -nIiE "$words" "${files[@]}"); then
  complain "words that do not belong here:"
  echo "$hits" >&2
fi
exit $status
