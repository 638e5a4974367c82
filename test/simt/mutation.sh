#!/usr/bin/env bash
# Leaves out each barrier, wait and fence of each kernel in turn: every mutant must fail, by its results, by a report of
# the executor or as a race.
# usage: mutation.sh PLAIN THREAD NAME...    two programs of cases; without the second only results count
plain=$1 thread=$2
shift 2
survivors=$(mktemp)
trap 'rm -f "$survivors"' EXIT
rm "$survivors"
"$plain" --seeds 2 --mutate --survivors "$survivors" "$@" || exit 1
[ -s "$survivors" ] || exit 0
[ -x "$thread" ] || { echo "skipped: no ThreadSanitizer to try the survivors with"; exit 77; }
exec env TSAN_OPTIONS=halt_on_error=1:exitcode=66 "$thread" --seeds 0 --mutate --survivors "$survivors" "$@"
