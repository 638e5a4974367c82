//===- BuildCache.cpp - what was built once is not built again ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/BuildCache.h"

#include "compiler/driver/Artifact.h"
#include "compiler/driver/DeviceCode.h"
#include "runtime/core/Error.h"
#include "runtime/io/AtomicFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

using namespace mlir;
using namespace jepa;

namespace fs = llvm::sys::fs;

namespace {

/// A digest of parts. Each part goes in with its length, so that no two lists of parts give the same bytes.
class Digest {
public:
  Digest &add(StringRef part) {
    uint64_t size = part.size();
    hasher.update(StringRef(reinterpret_cast<const char *>(&size), sizeof size));
    hasher.update(part);
    return *this;
  }
  Digest &add(int64_t number) { return add(StringRef(reinterpret_cast<const char *>(&number), sizeof number)); }
  template <class Range>
  Digest &addAll(const Range &parts) {
    add(int64_t(std::size(parts)));
    for (const auto &part : parts)
      add(part);
    return *this;
  }
  Digest &add(const std::pair<const std::string, std::string> &pair) { return add(pair.first).add(pair.second); }
  Digest &addFile(const std::string &path) {
    auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!buffer)
      throw rt::Error("'" + path + "' cannot be read: " + buffer.getError().message());
    return add((*buffer)->getBuffer());
  }
  std::array<uint8_t, 32> bytes() { return hasher.final(); }

private:
  llvm::BLAKE3 hasher;
};

} // namespace

//===----------------------------------------------------------------------===//
// Key
//===----------------------------------------------------------------------===//

/// The build id of a loaded program or library: the linker's digest of its contents. Empty if it has none.
static StringRef findBuildId(const dl_phdr_info &object) {
  for (const ElfW(Phdr) & segment : ArrayRef(object.dlpi_phdr, object.dlpi_phnum)) {
    if (segment.p_type != PT_NOTE)
      continue;
    const char *at = reinterpret_cast<const char *>(object.dlpi_addr + segment.p_vaddr);
    for (const char *end = at + segment.p_memsz; at + sizeof(ElfW(Nhdr)) <= end;) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const char *name = at + sizeof note, *contents = name + llvm::alignTo(note.n_namesz, 4);
      if (note.n_type == NT_GNU_BUILD_ID && StringRef(name, note.n_namesz) == StringRef("GNU", 4))
        return {contents, note.n_descsz};
      at = contents + llvm::alignTo(note.n_descsz, 4);
    }
  }
  return {};
}

/// Every program and library of this process: jepac and its compiler library, LLVM, oneDNN, plugins.
static void addLoadedCode(Digest &digest) {
  dl_iterate_phdr(
      [](dl_phdr_info *object, size_t, void *data) {
        std::string path = object->dlpi_name;
        // The kernel's own page is no file, and decides nothing.
        if (StringRef(path).starts_with("linux-vdso"))
          return 0;
        Digest &digest = *static_cast<Digest *>(data);
        if (StringRef id = findBuildId(*object); !id.empty())
          digest.add(id);
        else
          digest.addFile(path.empty() ? "/proc/self/exe" : path);
        return 0;
      },
      &digest);
}

/// What code is generated for, and what oneDNN's answers depend on.
static void addMachine(Digest &digest) {
  digest.add(llvm::sys::getProcessTriple()).add(llvm::sys::getHostCPUName());
  std::map<std::string, std::string> features;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    features[feature.first().str()] = feature.second ? "+" : "-";
  digest.addAll(features);
  for (int size : {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE})
    digest.add(int64_t(sysconf(size)));
  for (const char *name : {"DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "DNNL_CPU_ISA_HINTS", "ONEDNN_CPU_ISA_HINTS"}) {
    const char *value = getenv(name);
    digest.add(value ? value : "");
  }
}

static void addRequest(Digest &digest, const Specialisation &specialisation) {
  // Every member, by a binding that a new one breaks: whether it decides what is built is to be asked here.
  const auto &[model, task, target, dtype, teacherDtype, cpuFeatures, cudaArch, deviceCode, masks, maskRatio, flags, settings, taps, maxThreads, memoryLimit,
               disabledPasses, pipeline, extensions, remarks, passReport] = specialisation.request;
  // Settled elsewhere, in the plan's description (maskRatio, flags, settings), or without a say in what is built.
  (void)maskRatio, (void)flags, (void)settings, (void)remarks, (void)passReport;
  // Two lists may mean one machine.
  (void)cpuFeatures;
  digest.add(specialisation.machine.getProcessor());
  for (const std::string &feature : specialisation.machine.getFeatures())
    digest.add(feature);
  digest.add(model).add(int64_t(task)).add(target).add(dtype).add(teacherDtype).add(masks).add(int64_t(taps)).add(maxThreads);
  digest.add(cudaArch);
  if (!deviceCode.empty())
    digest.addFile(deviceCode);
  digest.add(memoryLimit).addAll(disabledPasses).add(pipeline).addAll(extensions);
}

/// What the kernels' text includes, and what compiles it.
static void addDeviceLibrary(Digest &digest) {
  std::error_code code;
  std::set<std::string> headers;
  for (llvm::sys::fs::directory_iterator file(deviceLibraryFolder(), code), end; !code && file != end; file.increment(code))
    if (StringRef(file->path()).ends_with(".cuh"))
      headers.insert(file->path());
  for (const std::string &header : headers)
    digest.addFile(header);
  digest.add(deviceCompilerName());
}

std::string jepa::buildKey(Compiler &compiler, const Specialisation &specialisation, const std::string &runtime) {
  Digest digest;
  digest.add("jepac build 1");
  std::string ir;
  llvm::raw_string_ostream stream(ir);
  // Locations are printed only on demand, which is what is wanted: a moved line of the model builds the same code.
  compiler.getModule().print(stream, OpPrintingFlags().useLocalScope());
  digest.add(ir).add(compiler.describePipelines()).add(describeSpecialisation(specialisation).dump());
  addRequest(digest, specialisation);
  addMachine(digest);
  if (specialisation.request.target == "cuda")
    addDeviceLibrary(digest);
  // How much scratch products need is the library's to say: its version counts, so it has to be loaded.
  if (specialisation.request.target != "reference")
    dlopen("libdnnl.so.2", RTLD_LAZY | RTLD_LOCAL);
  addLoadedCode(digest);
  digest.addFile(runtime);
  return llvm::toHex(digest.bytes(), /*LowerCase=*/true);
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

static constexpr char magic[8] = {'J', 'E', 'P', 'A', 'C', 'B', 0, 1};

namespace {
struct Header {
  char magic[8];
  /// Of the key, the code and the plan.
  std::array<uint8_t, 32> digest;
  uint64_t codeSize;
};
} // namespace

static Header describe(const std::string &key, StringRef code, StringRef plan) {
  Header header{{}, Digest().add(key).add(code).add(plan).bytes(), code.size()};
  std::memcpy(header.magic, magic, sizeof magic);
  return header;
}

std::string BuildCache::defaultFolder() {
  auto variable = [](const char *name) {
    const char *value = getenv(name);
    return std::string(value ? value : "");
  };
  if (std::string folder = variable("JEPAC_CACHE"); !folder.empty())
    return folder;
  if (std::string folder = variable("XDG_CACHE_HOME"); !folder.empty())
    return folder + "/jepac";
  if (std::string folder = variable("HOME"); !folder.empty())
    return folder + "/.cache/jepac";
  return "";
}

std::string BuildCache::pathOf(const std::string &key) const { return folder + "/" + key.substr(0, 2) + "/" + key; }

std::optional<BuildResult> BuildCache::find(const std::string &key) const {
  std::string path = pathOf(key);
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return std::nullopt;
  StringRef text = (*buffer)->getBuffer();
  Header header;
  if (text.size() < sizeof header)
    return std::nullopt;
  std::memcpy(&header, text.data(), sizeof header);
  text = text.drop_front(sizeof header);
  if (header.codeSize > text.size())
    return std::nullopt;
  StringRef code = text.take_front(header.codeSize), plan = text.drop_front(header.codeSize);
  if (Header expected = describe(key, code, plan); std::memcmp(&header, &expected, sizeof header) != 0)
    return std::nullopt;
  // Young again. It is no harm if another's entry, or a read-only folder, keeps its age.
  int file = -1;
  if (!fs::openFileForWrite(path, file, fs::CD_OpenExisting, fs::OF_None)) {
    fs::setLastAccessAndModificationTime(file, std::chrono::system_clock::now());
    ::close(file);
  }
  return BuildResult{code.str(), plan.str()};
}

void BuildCache::store(const std::string &key, const BuildResult &result) const {
  std::string path = pathOf(key);
  rt::requireWritableFolder(llvm::sys::path::parent_path(path).str(), "build cache");
  Header header = describe(key, result.code, result.plan);
  rt::AtomicFile file{std::filesystem::path(path)};
  file.write(&header, sizeof header);
  file.write(result.code.data(), result.code.size());
  file.write(result.plan.data(), result.plan.size());
  file.commit();
  removeOldest();
}

/// Whether a file is one that another build may still be writing, not what a killed one left behind.
static bool isBeingWritten(const std::filesystem::path &path, std::filesystem::file_time_type written) {
  return path.has_extension() && std::filesystem::file_time_type::clock::now() - written < std::chrono::hours(1);
}

void BuildCache::removeOldest() const {
  struct Entry {
    std::filesystem::path path;
    std::filesystem::file_time_type used;
    uint64_t bytes;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  // Others may remove files meanwhile: whatever cannot be looked at is gone.
  std::error_code error;
  for (auto it = std::filesystem::recursive_directory_iterator(folder, error);
       !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
    std::error_code gone;
    Entry entry{it->path(), it->last_write_time(gone), it->file_size(gone)};
    if (gone || !it->is_regular_file(gone) || isBeingWritten(entry.path, entry.used))
      continue;
    total += entry.bytes;
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) { return a.used < b.used; });
  for (const Entry &entry : entries) {
    if (total <= bytes)
      return;
    std::error_code ignored;
    std::filesystem::remove(entry.path, ignored);
    total -= entry.bytes;
  }
}
