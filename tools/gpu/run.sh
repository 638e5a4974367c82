#!/usr/bin/env bash
# Checks and measures jepac on this machine's GPU, in at most eight minutes: results.json and table.md.
# usage: run.sh [--out DIR] [--seconds S] [--python PYTHON]
#   --out DIR        where results and logs go (results)
#   --seconds S      for all of it (480)
#   --python PYTHON  an interpreter with PyTorch (python3)
# A part that fails, or that something is missing for, is reported; the others go on. Exits 1 when numbers are wrong.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=results seconds=480 python=python3
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,7s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;;
    --out | --seconds | --python) [ $# -gt 1 ] || { echo "run.sh: '$1' needs a value" >&2; exit 2; } ;;
    *) echo "run.sh: no option '$1'; see run.sh --help" >&2; exit 2 ;;
  esac
  case $1 in
    --out) out=$2 ;;
    --seconds) seconds=$2 ;;
    --python) python=$2 ;;
  esac
  shift 2
done
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
rm -f "$out"/*.json "$out"/*.out "$out"/*.log "$out"/*.txt "$out"/parts.tsv
# The report takes a moment of its own.
deadline=$((seconds - 5))
export JEPAC_CACHE=$out/cache PYTHONDONTWRITEBYTECODE=1 TORCHINDUCTOR_CACHE_DIR=$out/inductor
# PyTorch's packages bring cuBLASLt along where the system has none.
nvidia=$("$python" -c 'import nvidia; print(list(nvidia.__path__)[0])' 2>/dev/null)
for folder in "${nvidia:-/none}"/cublas/lib "${nvidia:-/none}"/cu13/lib /usr/local/cuda/lib64; do
  [ ! -d "$folder" ] || export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
done

# part NAME LIMIT COMMAND...: its output becomes NAME.out, its messages NAME.log; a line of parts.tsv says how it ended.
part() {
  local name=$1 limit=$2 begin=$SECONDS left=$((deadline - SECONDS)) code
  shift 2
  if [ $left -lt 3 ]; then
    printf '%s\t%s\t%s\n' "$name" "out of time" 0 >>"$out/parts.tsv"
    return
  fi
  [ "$limit" -lt $left ] || limit=$left
  timeout --kill-after=3 "$limit" "$@" >"$out/$name.out" 2>"$out/$name.log"
  code=$?
  printf '%s\t%s\t%s\n' "$name" "$code" $((SECONDS - begin)) >>"$out/parts.tsv"
  echo "$name: exit code $code after $((SECONDS - begin)) s" >&2
}
missing() { printf '%s\t%s\t%s\n' "$1" "$2" 0 >>"$out/parts.tsv"; }

# Of the two architectures that the small binaries are built for, the one that this GPU takes.
arch=sm_90a
replay=(replay --inputs "$here/data/vjepa-tiny.safetensors" --outputs "$out/outputs.safetensors")
message=$("$here/bin/tiny-embed-f32.sm_90a" "${replay[@]}" 2>&1) ||
  case $message in *"built for sm_90a"*) arch=sm_80 ;; esac
binary() { echo "$here/bin/$1.$arch"; }

# While numbers are checked, PyTorch compiles for later: only its cache is wanted.
warming=
if [ -x "$(binary vitl-train)" ] && "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
  "$(binary vitl-train)" info --json >"$out/vitl-train-info.json"
  "$python" - "$out/vitl-train-info.json" >"$out/settings.json" <<'END'
import json, sys
info = json.load(open(sys.argv[1]))
print(json.dumps(dict(info["geometry"], **{key: ",".join(map(str, info[key])) for key in ("context_tokens", "target_tokens")})))
END
  timeout 170 "$python" "$here/bench/peers/measure.py" "$out/settings.json" train bf16 8 compile cuda \
    </dev/null >"$out/warming.log" 2>&1 &
  warming=$!
fi

#--- numbers -----------------------------------------------------------------------------------------------------------
for name in tiny-train-f32 tiny-train-bf16 tiny-embed-f32; do
  part numbers-$name 40 "$python" "$here/check.py" "$(binary $name)" "$here/data/vjepa-tiny.safetensors"
done
# Each kernel's cases, three times, and the same bits each time.
for path in portable hopper; do
  if [ -f "$here/cases/$path.$arch" ]; then
    part cases-$path 60 env "JEPA_CASES_CODE=$here/cases/$path.$arch" "$here/cases/$path" --seeds 1 --digests
  else
    missing cases-$path "no code for it"
  fi
done

#--- races and overruns ------------------------------------------------------------------------------------------------
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
for tool in memcheck racecheck synccheck; do
  if [ -n "$sanitizer" ]; then
    part sanitizer-$tool 30 "$sanitizer" --tool $tool --error-exitcode 9 "$(binary tiny-train-bf16)" "${replay[@]}" --steps 1
  else
    missing sanitizer-$tool "no compute-sanitizer"
  fi
done

#--- speed -------------------------------------------------------------------------------------------------------------
[ -z "$warming" ] || wait "$warming"
part ceilings 60 "$python" "$here/kernels.py"
part bench-tiny-train-bf16 90 "$(binary tiny-train-bf16)" bench --json --profile --steps 1
for name in vitl-train vitl-embed attention-64 attention-24 vitl-train-fp8; do
  if [ -x "$(binary $name)" ]; then
    part bench-$name 40 "$(binary $name)" bench --json --profile --seconds 2
  else
    missing bench-$name "no binary for it"
  fi
done
for task in train embed; do
  if [ -x "$(binary vitl-$task)" ]; then
    part compare-$task 130 "$python" "$here/bench/compare" --binary "$(binary vitl-$task)" --device cuda --python "$python" \
      --task $task --json --threads 8 --rounds 3 --steps 10
  else
    missing compare-$task "no binary for it"
  fi
done
if [ -x "$(binary vitl-train)" ]; then
  part products 45 env JEPAC_CUBLASLT_CANDIDATES=100 JEPAC_CACHE="$out/cache-products" \
    "$(binary vitl-train)" bench --json --profile --steps 1
else
  missing products "no binary for it"
fi

# One thread makes clips, decoded by the GPU and by itself. Which program asks says only how large they are.
clips=$(binary vitl-embed)
[ -x "$clips" ] || clips=$(binary tiny-embed-f32)
for decoder in cpu nvdec; do
  if [ -d "$here/data/videos" ]; then
    part decode-$decoder 20 "$clips" bench --json --seconds 3 --data "$here/data/videos" --decoder $decoder
  else
    missing decode-$decoder "no videos in the bundle: it was made without the ffmpeg command"
  fi
done

#--- report ------------------------------------------------------------------------------------------------------------
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader >"$out/gpu.txt" 2>/dev/null
rm -f "$out"/*.safetensors
"$python" "$here/report.py" "$here" "$out" "$SECONDS"
