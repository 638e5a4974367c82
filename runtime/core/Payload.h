//===- Payload.h - the code and the plan at the end of an artifact --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// An artifact is [runtime executable][code: an ELF shared object][plan: JSON]
// [footer: u64 code offset, code size, plan offset, plan size, little endian,
// and eight bytes of magic].
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_PAYLOAD_H
#define JEPA_RUNTIME_CORE_PAYLOAD_H

#include "runtime/core/Abi.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace jepa::rt {

/// The running program's own file.
inline constexpr const char *selfPath = "/proc/self/exe";

/// Where the parts of a payload lie in their file.
struct PayloadPlace {
  std::uint64_t codeOffset, codeSize, planOffset, planSize;
};

/// The payload of a file, none when its end has no magic. Throws Error when
/// there is a footer, but what it says cannot be.
std::optional<PayloadPlace> findPayload(const std::string &path);

/// The plan's text.
std::string readPlanText(const std::string &path, const PayloadPlace &place);

/// What the code exports. `device` is the device's own code, empty where it runs on the host.
struct LoadedCode {
  jepac_run_function run = nullptr;
  std::span<const std::byte> device;
};

/// Loads the code for the rest of the process, from memory where the system
/// allows it and otherwise from an unnamed temporary file. Throws Error.
LoadedCode loadCode(const std::string &path, const PayloadPlace &place);

/// Writes an artifact: the executable at `basePath` (without the payload that it
/// may have), the code, the plan. The file at `outPath` appears complete, synced
/// and executable, or not at all. Throws Error.
void appendPayload(const std::string &basePath, std::string_view code, std::string_view planText,
                   const std::string &outPath);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_PAYLOAD_H
