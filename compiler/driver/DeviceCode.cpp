//===- DeviceCode.cpp - CUDA C++ to code for a GPU ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/DeviceCode.h"

#include "runtime/core/Error.h"

#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

#include <dlfcn.h>

#include <optional>
#include <vector>

using namespace jepa;

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

std::string jepa::deviceLibraryFolder() {
  // The tool is in <prefix>/bin or <build>/bin.
  std::string self = llvm::sys::fs::getMainExecutable(nullptr, reinterpret_cast<void *>(&deviceLibraryFolder));
  llvm::SmallString<256> installed(llvm::sys::path::parent_path(llvm::sys::path::parent_path(self)));
  llvm::sys::path::append(installed, "include/compiler/target/cuda/device");
  for (llvm::StringRef folder : {llvm::StringRef(installed), llvm::StringRef(JEPAC_DEVICE_LIBRARY)})
    if (llvm::sys::fs::is_directory(folder))
      return folder.str();
  throw rt::Error("the device library's headers are missing: neither '" + installed.str().str() + "' nor '" +
                  JEPAC_DEVICE_LIBRARY + "' is a folder");
}

static const char *const toolkitFolders[] = {"/usr/local/cuda", "/opt/cuda"};

/// The first line of a compiler's messages that has an error in it, else the first.
static std::string firstError(const std::string &messages) {
  std::size_t at = messages.find("error"), begin = at == std::string::npos ? 0 : messages.rfind('\n', at) + 1;
  return messages.substr(begin, messages.find('\n', begin) - begin);
}

//===----------------------------------------------------------------------===//
// NVRTC
//===----------------------------------------------------------------------===//

namespace {

/// The few functions of NVRTC that are used, under its own names.
struct Nvrtc {
  using Program = struct _nvrtcProgram *;
  int (*nvrtcVersion)(int *, int *);
  int (*nvrtcCreateProgram)(Program *, const char *, const char *, int, const char *const *, const char *const *);
  int (*nvrtcDestroyProgram)(Program *);
  int (*nvrtcCompileProgram)(Program, int, const char *const *);
  int (*nvrtcGetCUBINSize)(Program, std::size_t *);
  int (*nvrtcGetCUBIN)(Program, char *);
  int (*nvrtcGetProgramLogSize)(Program, std::size_t *);
  int (*nvrtcGetProgramLog)(Program, char *);

  /// None where the library is missing or too old.
  static std::optional<Nvrtc> load();
};

} // namespace

std::optional<Nvrtc> Nvrtc::load() {
  std::vector<std::string> names = {"libnvrtc.so.13", "libnvrtc.so.12"};
  for (const char *folder : toolkitFolders)
    for (const char *name : {"libnvrtc.so.13", "libnvrtc.so.12"})
      names.push_back(std::string(folder) + "/lib64/" + name);
  for (const std::string &name : names) {
    void *library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
      continue;
    Nvrtc nvrtc;
    bool isWhole = true;
    auto find = [&](auto &function, const char *symbol) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, symbol));
      isWhole &= function != nullptr;
    };
#define JEPA_FIND(NAME) find(nvrtc.NAME, #NAME)
    JEPA_FIND(nvrtcVersion);
    JEPA_FIND(nvrtcCreateProgram);
    JEPA_FIND(nvrtcDestroyProgram);
    JEPA_FIND(nvrtcCompileProgram);
    JEPA_FIND(nvrtcGetCUBINSize);
    JEPA_FIND(nvrtcGetCUBIN);
    JEPA_FIND(nvrtcGetProgramLogSize);
    JEPA_FIND(nvrtcGetProgramLog);
#undef JEPA_FIND
    if (isWhole)
      return nvrtc;
  }
  return std::nullopt;
}

static std::string compileByNvrtc(const Nvrtc &nvrtc, const std::string &source, const std::string &arch) {
  std::string architecture = "--gpu-architecture=" + arch, include = "--include-path=" + deviceLibraryFolder();
  const char *options[] = {architecture.c_str(), include.c_str(), "--std=c++20"};
  Nvrtc::Program program = nullptr;
  if (nvrtc.nvrtcCreateProgram(&program, source.c_str(), "kernels.cu", 0, nullptr, nullptr))
    throw rt::Error("NVRTC could not take the source of the kernels");
  int failed = nvrtc.nvrtcCompileProgram(program, 3, options);
  std::size_t size = 0;
  std::string text;
  if (failed) {
    nvrtc.nvrtcGetProgramLogSize(program, &size);
    text.resize(size);
    nvrtc.nvrtcGetProgramLog(program, text.data());
  } else {
    nvrtc.nvrtcGetCUBINSize(program, &size);
    text.resize(size);
    failed = nvrtc.nvrtcGetCUBIN(program, text.data());
  }
  nvrtc.nvrtcDestroyProgram(&program);
  if (failed)
    throw rt::Error("NVRTC refused the kernels (a bug of jepac's; please report it): " + firstError(text));
  return text;
}

//===----------------------------------------------------------------------===//
// nvcc
//===----------------------------------------------------------------------===//

static std::optional<std::string> findNvcc() {
  if (auto found = llvm::sys::findProgramByName("nvcc"))
    return *found;
  for (const char *folder : toolkitFolders)
    if (auto found = llvm::sys::findProgramByName("nvcc", {std::string(folder) + "/bin"}))
      return *found;
  return std::nullopt;
}

static std::string compileByNvcc(const std::string &nvcc, const std::string &source, const std::string &arch) {
  llvm::SmallString<128> folder;
  if (llvm::sys::fs::createUniqueDirectory("jepac-cuda", folder))
    throw rt::Error("no temporary folder could be made for nvcc");
  std::string base = folder.str().str(), input = base + "/kernels.cu", output = base + "/kernels.cubin",
              messages = base + "/messages";
  std::string result, error;
  {
    std::error_code code;
    llvm::raw_fd_ostream os(input, code);
    os << source;
  }
  std::string include = "-I" + deviceLibraryFolder(), architecture = "-arch=" + arch;
  int exit = llvm::sys::ExecuteAndWait(
      nvcc, {nvcc, "-cubin", architecture, "-std=c++20", include, input, "-o", output}, std::nullopt,
      {std::nullopt, llvm::StringRef(messages), llvm::StringRef(messages)}, 0, 0, &error);
  auto read = [](const std::string &path) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  };
  if (exit)
    error = error.empty() ? firstError(read(messages)) : error;
  else
    result = read(output);
  llvm::sys::fs::remove_directories(base);
  if (exit || result.empty())
    throw rt::Error("nvcc refused the kernels (a bug of jepac's; please report it): " + error);
  return result;
}

std::string jepa::compileDeviceCode(const std::string &source, const std::string &arch) {
  if (std::optional<Nvrtc> nvrtc = Nvrtc::load())
    return compileByNvrtc(*nvrtc, source, arch);
  if (std::optional<std::string> nvcc = findNvcc())
    return compileByNvcc(*nvcc, source, arch);
  throw rt::Error(
      "--target cuda needs NVRTC (libnvrtc.so.13) or nvcc, and neither is there: install the CUDA toolkit, or "
      "take 'jepac emit --target cuda -o DIR', compile DIR/kernels.cu elsewhere and give the result back "
      "with --device-code");
}

std::string jepa::deviceCompilerName() {
  if (std::optional<Nvrtc> nvrtc = Nvrtc::load()) {
    int major = 0, minor = 0;
    nvrtc->nvrtcVersion(&major, &minor);
    return "nvrtc " + std::to_string(major) + "." + std::to_string(minor);
  }
  return findNvcc().value_or("");
}

//===----------------------------------------------------------------------===//
// Object files
//===----------------------------------------------------------------------===//

llvm::StringMap<BlockInfo> jepa::readBlockInfos(llvm::StringRef object) {
  auto refuse = [](llvm::Error error) {
    return rt::Error("the device code is no object file: " + llvm::toString(std::move(error)));
  };
  auto file = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(object, "device code"));
  if (!file)
    throw refuse(file.takeError());
  llvm::StringMap<BlockInfo> infos;
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    auto name = symbol.getName();
    if (!name) {
      llvm::consumeError(name.takeError());
      continue;
    }
    llvm::StringRef kernel = *name;
    if (!kernel.consume_back("_launch"))
      continue;
    auto section = symbol.getSection();
    auto value = symbol.getValue();
    if (!section || *section == (*file)->section_end() || !value) {
      llvm::consumeError(section.takeError());
      llvm::consumeError(value.takeError());
      continue;
    }
    auto contents = (*section)->getContents();
    if (!contents)
      throw refuse(contents.takeError());
    // In a linked file a symbol has an address, in an object file a place in its section.
    std::uint64_t place = *value >= (*section)->getAddress() ? *value - (*section)->getAddress() : *value;
    BlockInfo info;
    if (place + sizeof(info) > contents->size())
      continue;
    std::memcpy(&info, contents->data() + place, sizeof(info));
    infos[kernel] = info;
  }
  return infos;
}
