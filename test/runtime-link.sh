#!/bin/sh
# Fails when a program that contains the runtime needs, in whatever way, a
# compiler library, or needs at its start a library that is opened on first use.
# usage: runtime-link.sh PROGRAM...
status=0
complain() {
  echo "error: $*" >&2
  status=1
}
for program in "$@"; do
  [ -f "$program" ] || { complain "no program '$program'"; continue; }
  libraries=$(ldd "$program" 2>&1) || complain "ldd '$program' failed: $libraries"
  for forbidden in libMLIR libLLVM libclang libLTO liblld; do
    case $libraries in
    *"$forbidden"*) complain "'$program' is linked with $forbidden; the runtime may not be" ;;
    esac
  done
  needed=$(readelf -d "$program" | grep NEEDED) || complain "'$program' cannot be read by readelf"
  for late in libdnnl libavcodec libavformat libavutil libswscale libgomp libomp; do
    case $needed in
    *"$late"*) complain "'$program' needs $late to start; open it with dlopen on first use" ;;
    esac
  done
  # Static copies: the compiler's namespaces in the symbol table.
  if nm "$program" 2>/dev/null | grep -Eq ' _ZNK?4(mlir|llvm)'; then
    complain "'$program' contains parts of LLVM or MLIR"
  fi
done
exit $status
