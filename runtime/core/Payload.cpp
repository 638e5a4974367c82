//===- Payload.cpp - the code and the plan at the end of an artifact ------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Payload.h"

#include "runtime/core/Error.h"
#include "runtime/io/AtomicFile.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

using namespace jepa::rt;

static_assert(std::endian::native == std::endian::little, "the footer is little endian");

static constexpr char magic[8] = {'J', 'E', 'P', 'A', 'C', 0, 0, 1};
static constexpr std::uint64_t maxPlanBytes = std::uint64_t(256) << 20;

namespace {
struct Footer {
  PayloadPlace place;
  char magic[8];
};
static_assert(sizeof(Footer) == 40);
} // namespace

[[noreturn]] static void fail(const std::string &path, const std::string &what) {
  throw Error("'" + path + "': " + what);
}

[[noreturn]] static void failErrno(const std::string &path, const char *what) {
  fail(path, std::string(what) + ": " + std::strerror(errno));
}

static FileHandle openForReading(const std::string &path) {
  FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    failErrno(path, "could not be opened");
  return file;
}

static std::uint64_t sizeOf(const FileHandle &file, const std::string &path) {
  off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size < 0)
    failErrno(path, "has no size");
  return static_cast<std::uint64_t>(size);
}

static void readAt(const FileHandle &file, const std::string &path, std::uint64_t offset,
                   void *data, std::size_t size) {
  auto *to = static_cast<char *>(data);
  while (size > 0) {
    ssize_t got = ::pread(file.get(), to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      failErrno(path, "could not be read");
    if (got == 0)
      fail(path, "ends early; build it again");
    to += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
}

static std::optional<PayloadPlace> findPayload(const FileHandle &file, const std::string &path) {
  std::uint64_t size = sizeOf(file, path);
  Footer footer;
  if (size < sizeof footer)
    return std::nullopt;
  std::uint64_t end = size - sizeof footer;
  readAt(file, path, end, &footer, sizeof footer);
  if (std::memcmp(footer.magic, magic, sizeof magic) != 0)
    return std::nullopt;
  const PayloadPlace &place = footer.place;
  // Differences of checked values only: sums could overflow.
  bool good = place.planOffset <= end && place.planSize == end - place.planOffset &&
              place.planSize <= maxPlanBytes && place.codeOffset <= place.planOffset &&
              place.codeSize == place.planOffset - place.codeOffset && place.codeSize > 0;
  if (!good)
    fail(path, "the footer of its payload is damaged; build it again");
  return place;
}

std::optional<PayloadPlace> jepa::rt::findPayload(const std::string &path) {
  return ::findPayload(openForReading(path), path);
}

std::string jepa::rt::readPlanText(const std::string &path, const PayloadPlace &place) {
  std::string text(place.planSize, '\0');
  readAt(openForReading(path), path, place.planOffset, text.data(), text.size());
  return text;
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

/// A file in memory. Newer kernels want to be told that it will be executed,
/// older ones do not know the flag.
static FileHandle openMemory() {
  constexpr unsigned executable = 0x10; // MFD_EXEC
  FileHandle file(::memfd_create("jepac-code", MFD_CLOEXEC | executable));
  if (!file && errno == EINVAL)
    file = FileHandle(::memfd_create("jepac-code", MFD_CLOEXEC));
  return file;
}

static FileHandle openUnnamed() {
  std::error_code error;
  std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  std::string name = ((error ? "/tmp" : folder) / "jepac-XXXXXX").string();
  FileHandle file(::mkostemp(name.data(), O_CLOEXEC));
  if (file)
    ::unlink(name.c_str());
  return file;
}

static bool writeAll(const FileHandle &file, const std::vector<char> &data) {
  for (std::size_t done = 0; done < data.size();) {
    ssize_t put = ::write(file.get(), data.data() + done, data.size() - done);
    if (put < 0 && errno != EINTR)
      return false;
    done += static_cast<std::size_t>(std::max<ssize_t>(put, 0));
  }
  return true;
}

/// The device's code, where a library has one.
static std::span<const std::byte> deviceCodeOf(void *handle, const std::string &path) {
  void *code = dlsym(handle, "jepa_device_code"), *size = dlsym(handle, "jepa_device_code_size");
  if (!code && !size)
    return {};
  if (!code || !size || *static_cast<const std::int64_t *>(size) < 1)
    fail(path, "its code for the device is incomplete; build it again");
  return {static_cast<const std::byte *>(code), static_cast<std::size_t>(*static_cast<const std::int64_t *>(size))};
}

LoadedCode jepa::rt::loadCode(const std::string &path, const PayloadPlace &place) {
  FileHandle file = openForReading(path);
  if (place.codeOffset > sizeOf(file, path) ||
      place.codeSize > sizeOf(file, path) - place.codeOffset)
    fail(path, "ends early; build it again");
  std::vector<char> code(place.codeSize);
  readAt(file, path, place.codeOffset, code.data(), code.size());
  if (code.size() < 64 || std::memcmp(code.data(), "\177ELF", 4) != 0)
    fail(path, "its code is no shared object; build it again");
  std::string why = "no memory file and no temporary file could be made";
  for (auto *open : {openMemory, openUnnamed}) {
    FileHandle copy = open();
    if (!copy || !writeAll(copy, code)) {
      why = std::string("its code could not be copied: ") + std::strerror(errno);
      continue;
    }
    std::string name = "/proc/self/fd/" + std::to_string(copy.get());
    void *handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      const char *text = dlerror();
      why = std::string("its code could not be loaded: ") + (text ? text : "unknown reason");
      continue;
    }
    if (void *symbol = dlsym(handle, "jepa_run")) {
      // dlopen knows a library by its name: while the descriptor stays open, no
      // other code gets this one.
      static auto &kept = *new std::vector<FileHandle>;
      kept.push_back(std::move(copy));
      return {reinterpret_cast<jepac_run_function>(symbol), deviceCodeOf(handle, path)};
    }
    dlclose(handle);
    fail(path, "its code has no jepa_run; build it again");
  }
  fail(path, why);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

void jepa::rt::appendPayload(const std::string &basePath, std::string_view code,
                             std::string_view planText, const std::string &outPath) {
  FileHandle base = openForReading(basePath);
  std::optional<PayloadPlace> old = ::findPayload(base, basePath);
  std::uint64_t baseSize = old ? old->codeOffset : sizeOf(base, basePath);
  AtomicFile out{std::filesystem::path(outPath)};
  std::vector<char> piece(std::size_t(1) << 20);
  for (std::uint64_t at = 0; at < baseSize;) {
    auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), baseSize - at));
    readAt(base, basePath, at, piece.data(), size);
    out.write(piece.data(), size);
    at += size;
  }
  out.write(code.data(), code.size());
  out.write(planText.data(), planText.size());
  Footer footer{{baseSize, code.size(), baseSize + code.size(), planText.size()}, {}};
  std::memcpy(footer.magic, magic, sizeof magic);
  out.write(&footer, sizeof footer);
  out.commit();
  std::error_code error;
  using std::filesystem::perms;
  std::filesystem::permissions(outPath, perms(0755), error);
  if (error)
    fail(outPath, "could not be made executable: " + error.message());
}
