# What ptxas says of each kernel (its -v log comes first) and what the PTX asks for, against what a multiprocessor has.
# Variables: name (of the source), arch, hopper (1: what multiplies matrices does so by wgmma).
BEGIN {
  # Bytes of shared memory: of a block; of a multiprocessor, which keeps 1 KiB of them per block.
  block = (arch ~ /^sm_90/ ? 227 : 163) * 1024
  processor = block + 1024
  registerFile = 65536
}
function complain(text) {
  print "error: " name ": " text
  status = 1
}
function max(a, b) { return a > b ? a : b }

/warning/ { complain($0) }
/Compiling entry function/ {
  kernel = $0
  sub(/^[^']*'/, "", kernel)
  sub(/'.*/, "", kernel)
  order[++count] = kernel
}
/bytes stack frame/ {
  if ($1 + $5 + $9)
    complain(kernel " spills: " $1 " bytes of stack, " $5 " stored, " $9 " loaded")
}
/Used [0-9]+ registers/ {
  match($0, /Used [0-9]+/)
  registers[kernel] = substr($0, RSTART + 5, RLENGTH - 5) + 0
  if (match($0, /[0-9]+ bytes smem/))
    static[kernel] = substr($0, RSTART, RLENGTH) + 0
}

# `NAME_launch[12] = {threads, shared bytes, parameters}` as little-endian bytes, without the zeros at the end.
/_launch\[12\] = / {
  split($0, sides, "=")
  launched = sides[1]
  sub(/_launch.*/, "", launched)
  sub(/.* /, "", launched)
  gsub(/[{};]/, "", sides[2])
  n = split(sides[2], byte, ",")
  for (i = n + 1; i <= 12; ++i)
    byte[i] = 0
  threads[launched] = byte[1] + 256 * byte[2] + 65536 * byte[3]
  dynamic[launched] = byte[5] + 256 * byte[6] + 65536 * byte[7]
  known[launched] = 1
  ++told
}
/\.entry / {
  entry = $0
  sub(/.*\.entry /, "", entry)
  sub(/\(.*/, "", entry)
  blocks[entry] = 1
}
/^\.maxntid/ { bound[entry] = $2 + 0 }
/^\.minnctapersm/ { blocks[entry] = $2 + 0 }
/wgmma\.mma_async/ { wgmma[entry] = 1 }
/e4m3x2/ { fp8[entry] = 1 }

END {
  for (i = 1; i <= count; ++i) {
    kernel = order[i]
    if (!known[kernel]) {
      # A source of tests may have kernels that are launched by hand, all of them or none.
      threads[kernel] = bound[kernel]
      silent = kernel
    } else if (threads[kernel] != bound[kernel])
      complain(kernel " is launched with " threads[kernel] " threads and bounded to " bound[kernel])
    shared = static[kernel] + dynamic[kernel]
    if (shared > block)
      complain(kernel " needs " shared " bytes of shared memory, a block has " block)
    if (blocks[kernel] * (shared + 1024) > processor)
      complain(kernel " needs " shared " bytes of shared memory, too many for " blocks[kernel] " blocks at a time")
    # Registers come by eight to a thread.
    if (blocks[kernel] * threads[kernel] * 8 * int((registers[kernel] + 7) / 8) > registerFile)
      complain(kernel " needs " registers[kernel] " registers for each of " threads[kernel] " threads, too many for " \
               blocks[kernel] " blocks at a time")
    mostRegisters = max(mostRegisters, registers[kernel])
    mostShared = max(mostShared, shared)
    # Attention's delta is made of rows; f32 has no wgmma of its own.
    if (hopper && kernel ~ /attention|matmul|layout/ && kernel !~ /delta|f32/) {
      ++products
      if (!wgmma[kernel])
        complain(kernel " has no wgmma in its PTX")
    }
    if (hopper && kernel ~ /^quantize_/ && kernel !~ /scale/) {
      ++products
      if (!fp8[kernel])
        complain(kernel " has no fp8 in its PTX")
    }
  }
  if (told && silent)
    complain(silent " has no JEPA_LAUNCH_INFO")
  if (!count)
    complain("no kernels")
  if (hopper && !products)
    complain("no kernel that would take wgmma")
  printf "%s: %d kernels for %s, at most %d registers and %d bytes of shared memory\n", name, count, arch, mostRegisters, \
         mostShared
  exit status
}
