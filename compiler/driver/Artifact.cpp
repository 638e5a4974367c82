//===- Artifact.cpp - from compiled code to one file ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/Artifact.h"

#include "compiler/analysis/BufferLifetimes.h"
#include "compiler/driver/CallTable.h"
#include "compiler/driver/DeviceCode.h"
#include "runtime/core/CpuFeatures.h"
#include "runtime/core/Error.h"
#include "runtime/core/Payload.h"
#include "runtime/cuda/DeviceExecutor.h"
#include "runtime/io/AtomicFile.h"

#include "lld/Common/Driver.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

LLD_HAS_DRIVER(elf)

using namespace mlir;
using namespace jepa;

//===----------------------------------------------------------------------===//
// Link
//===----------------------------------------------------------------------===//

namespace {

/// A temporary file that goes away with its owner.
struct TemporaryFile {
  explicit TemporaryFile(StringRef suffix) {
    if (std::error_code error = llvm::sys::fs::createTemporaryFile("jepac", suffix, path))
      throw rt::Error("no temporary file can be made: " + error.message() + "; set TMPDIR to a writable folder");
    llvm::sys::RemoveFileOnSignal(path);
  }
  ~TemporaryFile() {
    llvm::sys::fs::remove(path);
    llvm::sys::DontRemoveFileOnSignal(path);
  }
  SmallString<128> path;
};

} // namespace

std::string jepa::linkShared(ArrayRef<SmallVector<char, 0>> objects) {
  std::deque<TemporaryFile> inputs;
  for (ArrayRef<char> object : objects) {
    const TemporaryFile &input = inputs.emplace_back("o");
    std::error_code error;
    llvm::raw_fd_ostream stream(input.path, error);
    if (!error) {
      stream.write(object.data(), object.size());
      stream.flush();
      error = stream.error();
      stream.clear_error();
    }
    if (error)
      throw rt::Error("'" + input.path.str().str() + "' cannot be written: " + error.message());
  }
  TemporaryFile output("so");
  std::string out = output.path.str().str();
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  // What the code calls is in the artifact's executable, so undefined symbols are left to the loader.
  SmallVector<const char *> arguments = {"ld.lld", "-shared", "--hash-style=gnu", "-o", out.c_str()};
  for (TemporaryFile &input : inputs)
    arguments.push_back(input.path.c_str());
  lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    throw rt::Error("linking failed (a bug of jepac's; please report it): " + messages.substr(0, messages.find('\n')));
  auto buffer = llvm::MemoryBuffer::getFile(out);
  if (!buffer)
    throw rt::Error("'" + out + "' cannot be read: " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

static std::string dtypeText(Type type) {
  return type.isF64() ? "f64" : type.isInteger(32) ? "i32" : type.isBF16() ? "bf16" : "f32";
}

static rt::Json toJson(mlir::Attribute attribute) {
  if (auto text = dyn_cast<StringAttr>(attribute))
    return rt::Json(text.getValue().str());
  if (auto flag = dyn_cast<BoolAttr>(attribute))
    return rt::Json(flag.getValue());
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return rt::Json(integer.getInt());
  if (auto real = dyn_cast<FloatAttr>(attribute))
    return rt::Json(real.getValueAsDouble());
  rt::Json list = rt::Json::array();
  for (int64_t number : cast<DenseI64ArrayAttr>(attribute).asArrayRef())
    list.push(rt::Json(number));
  return list;
}

static rt::Json numbers(ArrayRef<int64_t> values) {
  rt::Json list = rt::Json::array();
  for (int64_t value : values)
    list.push(rt::Json(value));
  return list;
}

static rt::Json describeBuffer(BufferOp op, const llvm::StringMap<std::string> &teacherOf) {
  auto type = cast<MemRefType>(op.getType());
  rt::Json json = rt::Json::object();
  StringRef name = *op.getName();
  json.set("name", name.str());
  json.set("kind", op.getKind().str());
  json.set("dtype", dtypeText(type.getElementType()));
  json.set("shape", numbers(type.getShape()));
  json.set("offset", static_cast<int64_t>(*op.getOffset()));
  if (DictionaryAttr info = op.getInfoAttr())
    for (NamedAttribute attribute : info)
      json.set(attribute.getName() == "kind" ? "table" : attribute.getName().str(), toJson(attribute.getValue()));
  if (op.getKind() == "parameter") {
    json.set("decay", type.getRank() > 1 && !name.contains("bias"));
    if (auto found = teacherOf.find(name); found != teacherOf.end())
      json.set("teacher", found->second);
  }
  if (op.getKind() == "table")
    json.set("width", type.getShape().back());
  return json;
}

/// How often each function runs in one run of the entry.
static void countRuns(func::FuncOp function, int64_t times, SymbolTable &symbols, DenseMap<Operation *, int64_t> &runs) {
  runs[function] += times;
  function.walk([&](func::CallOp call) {
    if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee()))
      countRuns(callee, times, symbols, runs);
  });
}

/// "f32", "bf16" or "e4m3".
static const char *elementName(Type memref) {
  Type element = cast<MemRefType>(memref).getElementType();
  return element.isBF16() ? "bf16" : isE4m3(element) ? "e4m3" : "f32";
}

/// What products of the processor's library and of a device's say alike.
template <typename Op> static rt::Json describeMatrices(Op op) {
  rt::Json json = rt::Json::object();
  json.set("m", int64_t(op.getM()));
  json.set("n", int64_t(op.getN()));
  json.set("k", int64_t(op.getK()));
  json.set("lda", int64_t(op.getLda()));
  json.set("ldb", int64_t(op.getLdb()));
  json.set("ldc", int64_t(op.getLdc()));
  json.set("transA", op.getTransA());
  json.set("transB", op.getTransB());
  json.set("inputs", elementName(op.getA().getType()));
  json.set("result", elementName(op.getC().getType()));
  json.set("bias", static_cast<bool>(op.getBias()));
  return json;
}

static rt::Json describeDeviceProduct(DeviceGemmOp op) {
  rt::Json json = describeMatrices(op);
  json.set("packed", false);
  json.set("rounds_b", false);
  json.set("epilogue", op.getEpilogue().str());
  if (op.getBias())
    json.set("bias_type", elementName(op.getBias().getType()));
  if (op.getAux())
    json.set("auxiliary", int64_t(op.getLdc()));
  json.set("workspace_bytes", byteSize(cast<MemRefType>(op.getWorkspace().getType())));
  return json;
}

static rt::Json describeProducts(ModuleOp module) {
  SymbolTable symbols(module);
  DenseMap<Operation *, int64_t> runs;
  countRuns(symbols.lookup<func::FuncOp>(entryName), 1, symbols, runs);
  // Keyed by what the library is asked for, in the order of first appearance.
  llvm::MapVector<StringRef, std::pair<rt::Json, int64_t>> products;
  std::deque<std::string> keys;
  auto add = [&](const rt::Json &key, const rt::Json &whole, Operation *op) {
    keys.push_back(key.dump());
    auto &entry = products[keys.back()];
    entry.first = whole;
    entry.second += runs.lookup(op->getParentOp());
  };
  module.walk([&](DeviceGemmOp op) {
    rt::Json json = describeDeviceProduct(op);
    add(json, json, op);
  });
  module.walk([&](GemmOp op) {
    rt::Json json = describeMatrices(op);
    json.set("packed", op.getPacked());
    json.set("rounds_b", elementName(op.getB().getType()) != elementName(op.getA().getType()));
    // With an epilogue it has more scratch than the library asks for.
    int64_t scratch = byteSize(cast<MemRefType>(op.getScratch().getType()));
    if (auto known = products.find(json.dump()); known != products.end())
      scratch = std::min(scratch, known->second.first.at("scratch_bytes").asInteger());
    rt::Json whole = json;
    whole.set("scratch_bytes", scratch);
    add(json, whole, op);
  });
  rt::Json list = rt::Json::array();
  for (auto &[key, entry] : products) {
    entry.first.set("count", entry.second);
    list.push(entry.first);
  }
  return list;
}

static rt::Json describeMasks(const rt::MaskPlan &masks) {
  rt::Json json = rt::Json::object(), groups = rt::Json::array();
  json.set("rule", masks.rule);
  json.set("grid", numbers(masks.grid));
  auto range = [](const std::array<double, 2> &pair) {
    rt::Json list = rt::Json::array();
    for (double value : pair)
      list.push(rt::Json(value));
    return list;
  };
  for (const rt::MaskGroup &group : masks.groups) {
    rt::Json item = rt::Json::object();
    item.set("context", group.context);
    item.set("target", group.target);
    item.set("num_blocks", group.numBlocks);
    item.set("spatial_scale", range(group.spatialScale));
    item.set("temporal_scale", range(group.temporalScale));
    item.set("aspect_ratio", range(group.aspectRatio));
    if (masks.rule == "packed") {
      item.set("mean_context", group.meanContext);
      item.set("mean_target", group.meanTarget);
    }
    groups.push(item);
  }
  json.set("groups", groups);
  return json;
}

rt::Json jepa::describeSpecialisation(const Specialisation &specialisation) {
  const Request &request = specialisation.request;
  rt::Json plan = rt::Json::object(), config = rt::Json::object();
  plan.set("format", rt::planFormat);
  plan.set("model", request.model);
  plan.set("task", request.task == Task::Train ? "train" : "embed");
  plan.set("target", request.target);
  plan.set("dtype", request.dtype);
  if (!request.teacherDtype.empty())
    plan.set("teacher_dtype", request.teacherDtype);
  plan.set("version", JEPAC_VERSION);
  for (const auto &[key, value] : specialisation.config.entries())
    config.set(key, value);
  plan.set("config", config);
  if (specialisation.masks)
    plan.set("masks", describeMasks(*specialisation.masks));
  plan.set("taps", request.taps);
  plan.set("max_threads", request.maxThreads);
  return plan;
}

rt::Json jepa::describePlan(ModuleOp module, const Specialisation &specialisation, const Costs &costs,
                            const std::string &pipelineText) {
  auto entry = module.lookupSymbol<func::FuncOp>(entryName);
  llvm::StringMap<std::string> teacherOf;
  int64_t parameters = 0;
  for (auto op : entry.getOps<BufferOp>()) {
    if (op.getKind() != "parameter" || !op.getInfo())
      continue;
    if (auto student = op.getInfo()->getAs<StringAttr>("ema_of"))
      teacherOf[student.getValue()] = op.getName()->str();
    else
      parameters += cast<MemRefType>(op.getType()).getNumElements();
  }
  rt::Json plan = describeSpecialisation(specialisation), buffers = rt::Json::array();
  plan.set("pipeline", pipelineText);
  rt::Json products = describeProducts(module), libraries = rt::Json::array();
  bool onDevice = specialisation.request.target == "cuda";
  if (onDevice) {
    plan.set("cuda_arch", specialisation.request.cudaArch);
    libraries.push(rt::Json("CUDA driver (libcuda.so.1)"));
  }
  if (!products.asArray().empty())
    libraries.push(rt::Json(onDevice ? "cuBLASLt (libcublasLt.so.13 or .12)" : "oneDNN (libdnnl.so.2)"));
  libraries.push(rt::Json("FFmpeg (libavformat, libavcodec, libavutil, libswscale)"));
  plan.set("libraries", libraries);
  // Of the reference target's loops too: LLVM uses what it may.
  rt::Json features = rt::Json::array();
  for (const std::string &feature : specialisation.machine.getFeatures())
    if (rt::isCpuFeature(feature))
      features.push(rt::Json(feature));
  plan.set("cpu_features", features);
  plan.set("parameters", parameters);
  plan.set("flops_per_clip", costs.flopsPerClip);
  plan.set("flops_per_clip_unpruned", costs.flopsPerClipUnpruned);
  int64_t bytes = cast<MemRefType>(entry.getArgumentTypes()[0]).getDimSize(0);
  plan.set("peak_bytes", bytes);
  plan.set("arena_bytes", bytes);
  for (auto op : entry.getOps<BufferOp>())
    if (op.getName())
      buffers.push(describeBuffer(op, teacherOf));
  plan.set("buffers", buffers);
  plan.set("gemms", products);
  plan.set("functions", describeCalls(module));
  rt::Json provenance = rt::Json::object();
  provenance.set("jepac", JEPAC_VERSION);
  provenance.set("llvm", LLVM_VERSION_STRING);
  provenance.set("cpu", specialisation.machine.getProcessor());
  // Of the library's epilogues; what generated code computes is the erf form.
  bool isTanh = false;
  module.walk([&](DeviceGemmOp op) { isTanh |= op.getEpilogue().contains("gelu"); });
  if (isTanh)
    provenance.set("gelu", "tanh, where cuBLASLt's epilogue computes it");
  plan.set("provenance", provenance);
  // A device holds the next step's inputs beside the arena.
  if (onDevice)
    plan.set("peak_bytes", rt::deviceBytes(rt::Plan::parse(plan.dump())));
  return plan;
}

//===----------------------------------------------------------------------===//
// Build
//===----------------------------------------------------------------------===//

/// Refuses a place that cannot be written before the work goes into it.
static void checkOutput(const std::string &path) {
  StringRef folder = llvm::sys::path::parent_path(path);
  if (llvm::sys::fs::is_directory(path))
    throw rt::Error("'" + path + "' is a folder; name a file with -o");
  if (folder.empty())
    folder = ".";
  if (!llvm::sys::fs::is_directory(folder) || llvm::sys::fs::access(folder, llvm::sys::fs::AccessMode::Write))
    throw rt::Error("'" + path + "' cannot be written: '" + folder.str() + "' is no folder that can be written to");
}

/// From a module at Phase::Jepa.
static FailureOr<BuildResult> compile(Compiler &compiler, const Specialisation &specialisation, unsigned threads) {
  if (failed(compiler.runTo(Phase::Kernels)))
    return failure();
  compiler.printReport(llvm::errs());
  rt::Json plan = describePlan(compiler.getModule(), specialisation, compiler.getCosts(), compiler.getPipelineText());
  int64_t limit = specialisation.request.memoryLimit, needed = plan.at("peak_bytes").asInteger();
  if (limit && needed > limit)
    throw rt::Error("the plan needs " + std::to_string(needed) + " bytes, more than --memory-limit " +
                    std::to_string(limit) + "; lower the batch or the resolution");
  if (specialisation.request.target == "cuda") {
    if (failed(compiler.runTo(Phase::Cuda)))
      return failure();
    const std::string &given = specialisation.request.deviceCode;
    compiler.setDeviceCode(given.empty() ? compileDeviceCode(compiler.kernelsText(), specialisation.request.cudaArch)
                                         : rt::readTextFile(given));
  }
  FailureOr<std::vector<SmallVector<char, 0>>> objects = compiler.objects(threads);
  if (failed(objects))
    return failure();
  return BuildResult{linkShared(*objects), plan.dump()};
}

BuildOutcome jepa::buildArtifact(const Specialisation &specialisation, const std::string &path,
                                 const BuildOptions &options) {
  checkOutput(path);
  // Nothing half written stays, whatever ends this process.
  llvm::sys::RemoveFileOnSignal(rt::AtomicFile::temporaryName(path).string());
  Compiler compiler(specialisation);
  if (failed(compiler.runTo(Phase::Jepa)))
    return BuildOutcome::Failed;
  std::string key = options.cache ? buildKey(compiler, specialisation, options.runtime) : "";
  // What passes have to say takes running them.
  const Request &request = specialisation.request;
  if (options.cache && !request.remarks && request.passReport.empty())
    if (std::optional<BuildResult> found = options.cache->find(key)) {
      rt::appendPayload(options.runtime, found->code, found->plan, path);
      return BuildOutcome::Cached;
    }
  FailureOr<BuildResult> result = compile(compiler, specialisation, options.threads);
  if (failed(result))
    return BuildOutcome::Failed;
  rt::appendPayload(options.runtime, result->code, result->plan, path);
  try {
    if (options.cache)
      options.cache->store(key, *result);
  } catch (const rt::Error &) {
    // A full disk costs the next build its time, not this one its result.
  }
  return BuildOutcome::Built;
}
