//===- Compiler.cpp - a specialised model, phase by phase, to object code ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/Compiler.h"

#include "compiler/InitAll.h"
#include "compiler/analysis/Flops.h"
#include "compiler/analysis/PassReport.h"
#include "compiler/driver/DeviceCode.h"
#include "compiler/frontend/Import.h"
#include "compiler/target/Codegen.h"
#include "compiler/target/cuda/DeviceKernel.h"
#include "compiler/target/cuda/PrintCuda.h"
#include "runtime/core/Abi.h"
#include "runtime/core/Error.h"
#include "runtime/gemm/Gemm.h"

#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;
using namespace jepa;

/// What `ask` says, which is negative where there is no library.
static int64_t askLibrary(const Product &p, llvm::function_ref<int64_t(const jepac_gemm_desc *)> ask) {
  jepac_gemm_desc desc{p.m, p.n, p.k, p.lda, p.ldb, p.ldc, p.transA, p.transB, p.packedB,
                       p.bf16Inputs ? JEPAC_BF16 : JEPAC_F32, p.bf16Result ? JEPAC_BF16 : JEPAC_F32,
                       p.roundsB, p.epilogueRows, p.epilogueColumns};
  int64_t bytes = ask(&desc);
  if (bytes < 0)
    throw rt::Error("oneDNN (libdnnl.so.2) could not be asked for a product of " + std::to_string(p.m) + " x " +
                    std::to_string(p.n) + " x " + std::to_string(p.k) + "; install libdnnl2");
  return bytes;
}

ProductLibrary jepa::productLibrary(const Specialisation &specialisation) {
  rt::limitProducts(specialisation.machine.getFeatures());
  return {[threads = specialisation.request.maxThreads](const Product &product) {
            return askLibrary(product, [&](auto *desc) { return jepac_gemm_scratch_bytes(desc, threads); });
          },
          [](const Product &product) { return askLibrary(product, jepac_gemm_packed_bytes); }};
}

static DialectRegistry makeRegistry() {
  DialectRegistry registry;
  registerAllDialects(registry);
  PassReport::attach(registry);
  return registry;
}

/// Prints a diagnostic the way compilers do, at the line of the model that it is about.
static void printDiagnostic(Diagnostic &diagnostic) {
  static constexpr const char *severities[] = {"note", "warning", "error", "remark"};
  auto print = [](Diagnostic &part) {
    if (auto place = part.getLocation()->findInstanceOf<FileLineColLoc>())
      llvm::errs() << place.getFilename().getValue() << ":" << place.getLine() << ":" << place.getColumn() << ": ";
    llvm::errs() << severities[static_cast<unsigned>(part.getSeverity())] << ": " << part << "\n";
  };
  print(diagnostic);
  for (Diagnostic &note : diagnostic.getNotes())
    print(note);
}

namespace {

/// Tells an observer of every pass, but not of the adaptors that hold nested pipelines.
struct ObserverInstrumentation : PassInstrumentation {
  ObserverInstrumentation(const Compiler::Observer &tell, int &count) : tell(tell), count(count) {}

  void runAfterPass(Pass *pass, Operation *op) override { report(pass, op, false); }
  void runAfterPassFailed(Pass *pass, Operation *op) override { report(pass, op, true); }
  void report(Pass *pass, Operation *op, bool failed) {
    auto module = isa<ModuleOp>(op) ? cast<ModuleOp>(op) : op->getParentOfType<ModuleOp>();
    if (pass->getArgument().empty())
      return;
    auto [place, isNew] = numbers.try_emplace(pass, count + 1);
    count += isNew;
    tell(pass->getArgument(), place->second, module, failed);
  }

  const Compiler::Observer &tell;
  int &count;
  DenseMap<Pass *, int> numbers;
};

} // namespace

Compiler::Compiler(const Specialisation &specialisation)
    : specialisation(specialisation), context(makeRegistry(), MLIRContext::Threading::DISABLED),
      diagnostics(&context, [remarks = specialisation.request.remarks](Diagnostic &diagnostic) {
        if (remarks || diagnostic.getSeverity() != DiagnosticSeverity::Remark)
          printDiagnostic(diagnostic);
        return success();
      }) {
  const Request &request = specialisation.request;
  options.train = request.task == Task::Train;
  options.ragged = request.masks == "published";
  options.packed = request.masks == "packed";
  options.taps = request.taps;
  options.target = request.target;
  options.lowPrecision = request.dtype == "bf16";
  options.quantizeTeacher = request.teacherDtype == "fp8";
  options.machine = specialisation.machine;
  options.maxThreads = request.maxThreads;
  options.products = productLibrary(specialisation);
  options.disabled = request.disabledPasses;
  options.graphPipeline = request.pipeline;
  options.extensions = request.extensions;
  context.loadAllAvailableDialects();
  // The line of the model says more to its author than the op does.
  context.printOpOnDiagnostic(false);
  if (!request.remarks)
    return;
  mlir::remark::RemarkCategories categories;
  categories.all = categories.passed = categories.missed = ".*";
  // Fails only when the context has a remark engine already.
  if (failed(mlir::remark::enableOptimizationRemarks(context, nullptr,
                                                     std::make_unique<mlir::remark::RemarkEmittingPolicyAll>(),
                                                     categories, /*printAsEmitRemarks=*/true)))
    throw rt::Error("remarks could not be enabled (a bug of jepac's; please report it)");
}

Compiler::~Compiler() {
  // The engine hands its remarks over when it goes, while the handler is still there.
  context.setRemarkEngine(nullptr);
}

void Compiler::printReport(llvm::raw_ostream &os) {
  if (PassReport *report = PassReport::get(&context); report && !specialisation.request.passReport.empty())
    report->print(os, specialisation.request.passReport == "json" ? PassReport::Format::Json
                                                                  : PassReport::Format::Text);
}

FailureOr<OwningOpRef<ModuleOp>> Compiler::import() {
  Graph graph = specialisation.model->trace(specialisation.config, specialisation.request.task);
  ImportOptions import;
  import.elementType = specialisation.request.dtype == "f64" ? RealType::F64 : RealType::F32;
  import.keepTaps = specialisation.request.taps;
  import.raggedMasks = options.ragged && options.train;
  import.packedMasks = options.packed && options.train;
  return importGraph(context, graph, import);
}

void Compiler::fill(PassManager &manager, Phase phase, const PipelineOptions &pipeline) {
  std::string text;
  llvm::raw_string_ostream errors(text);
  // One line: the parser's own message has several.
  if (failed(addPhase(manager, phase, pipeline, errors)))
    throw rt::Error(text.substr(0, text.find('\n')), 2);
}

static std::string describe(PassManager &manager) {
  std::string passes;
  llvm::raw_string_ostream os(passes);
  manager.printAsTextualPipeline(os);
  StringRef inner(passes);
  // What the passes are nested in, by its name, or by none.
  if (inner.consume_front("builtin.module(") || inner.consume_front("any("))
    inner.consume_back(")");
  return inner.str();
}

LogicalResult Compiler::run(ModuleOp target, Phase phase, const PipelineOptions &pipeline, bool record) {
  PassManager manager(&context);
  // The translation to LLVM IR verifies what it is given, and it is large.
  manager.enableVerifier(phase != Phase::Llvm);
  fill(manager, phase, pipeline);
  if (observer && record)
    manager.addInstrumentation(std::make_unique<ObserverInstrumentation>(observer, passesObserved));
  if (record && !manager.empty())
    pipelineText += (pipelineText.empty() ? "" : ",") + describe(manager);
  return manager.run(target);
}

std::string Compiler::describePipelines() {
  std::string text;
  for (const PhaseInfo &info : getPhases()) {
    PassManager manager(&context);
    fill(manager, info.phase, options);
    text += std::string(info.name) + ": " + describe(manager) + "\n";
  }
  return text;
}

int64_t jepa::countFlops(ModuleOp module) {
  Operation *entry = module.lookupSymbol<func::FuncOp>(entryName);
  return entry ? countFlops(entry) : 0;
}

LogicalResult Compiler::fitMemory() {
  int64_t limit = specialisation.request.memoryLimit, bytes = 0;
  PassReport::Pause pause(&context);
  auto planned = [&](int64_t target) {
    PipelineOptions attempt = options;
    attempt.rematerializeTo = target;
    OwningOpRef<ModuleOp> copy = module->clone();
    if (failed(run(*copy, Phase::Fused, attempt, false)) || failed(run(*copy, Phase::Kernels, attempt, false)))
      return failure();
    bytes = cast<MemRefType>(copy->lookupSymbol<func::FuncOp>(entryName).getArgumentTypes()[0]).getDimSize(0);
    options.rematerializeTo = target;
    return success();
  };
  // The pass only estimates: kernels' scratch and the gaps of a plan come on top, so ask for that much less. The last
  // attempt recomputes all that helps.
  constexpr int attempts = 5;
  int64_t target = 0;
  for (int attempt = 0; attempt <= attempts; ++attempt) {
    if (failed(planned(target)))
      return failure();
    if (bytes <= limit)
      return success();
    target = attempt == 0 ? limit : std::max<int64_t>(1, target - (bytes - limit) - limit / 200);
    if (attempt + 1 == attempts)
      target = 1;
  }
  throw rt::Error("the plan needs " + std::to_string(bytes) + " bytes with all computed again that helps, more than "
                  "--memory-limit " + std::to_string(limit) + "; lower the batch or the resolution");
}

LogicalResult Compiler::runTo(Phase last) {
  std::string why;
  llvm::raw_string_ostream errors(why);
  if (last >= Phase::Kernels && options.graphPipeline.empty() && failed(verifyDisabled(options, errors)))
    throw rt::Error(why, 2);
  if (!module) {
    FailureOr<OwningOpRef<ModuleOp>> imported = import();
    if (failed(imported))
      return failure();
    module = std::move(*imported);
    if (observer)
      observer("", 0, *module, false);
  }
  for (Phase phase : {Phase::Pruned, Phase::Gradient, Phase::Fused, Phase::Kernels, Phase::Cuda, Phase::Llvm}) {
    if (phase <= reached)
      continue;
    if (phase > last)
      break;
    // What the step costs as the model describes it: every token computed, nothing shared.
    if (phase == Phase::Pruned && last >= Phase::Kernels) {
      PassReport::Pause pause(&context);
      OwningOpRef<ModuleOp> dense = module->clone();
      PassManager manager(&context);
      if (options.train && failed(parsePassPipeline("func.func(jepa-differentiate)", manager)))
        return failure();
      if (failed(manager.run(*dense)))
        return failure();
      costs.flopsPerClipUnpruned = countFlops(*dense) / specialisation.batch;
    }
    bool canRecompute = options.train && options.graphPipeline.empty() && !isDisabled("jepa-rematerialize", options);
    if (phase == Phase::Fused && specialisation.request.memoryLimit && canRecompute && failed(fitMemory()))
      return failure();
    if (phase == Phase::Kernels)
      costs.flopsPerClip = countFlops(*module) / specialisation.batch;
    if (failed(run(*module, phase, options, true)))
      return failure();
    reached = phase;
  }
  return success();
}

std::string Compiler::kernelsText() { return printKernels(*module, isHopper(specialisation.request.cudaArch)); }
std::string Compiler::stepText() { return printStep(*module); }

void Compiler::setDeviceCode(std::string code) {
  llvm::StringMap<BlockInfo> infos = readBlockInfos(code);
  Builder builder(&context);
  module->walk([&](DeviceLaunchOp launch) {
    auto found = infos.find(launch.getKernel());
    int64_t parameters = launch.getBuffers().size() + !launch.getPlaces().empty();
    if (found == infos.end() || found->second.parameters != parameters)
      throw rt::Error("the device code has no kernel '" + launch.getKernel().str() + "' of " + std::to_string(parameters) +
                      " parameters: it was compiled from another program's text; emit and compile it again");
    launch->setAttr(launchThreadsAttr, builder.getI64IntegerAttr(found->second.threads));
    launch->setAttr(launchSharedAttr, builder.getI64IntegerAttr(found->second.sharedBytes));
  });
  deviceCode = std::move(code);
}

/// An object that exports the device code and its length.
static FailureOr<SmallVector<char, 0>> wrapDeviceCode(StringRef code, const CodegenOptions &codegen, mlir::Location loc) {
  llvm::LLVMContext llvmContext;
  llvm::Module wrapper("device", llvmContext);
  auto add = [&](StringRef name, llvm::Constant *value) {
    auto *variable = new llvm::GlobalVariable(wrapper, value->getType(), /*isConstant=*/true,
                                              llvm::GlobalValue::ExternalLinkage, value, name);
    variable->setAlignment(llvm::Align(64));
  };
  add("jepa_device_code", llvm::ConstantDataArray::getString(llvmContext, code, /*AddNull=*/false));
  add("jepa_device_code_size", llvm::ConstantInt::get(llvm::Type::getInt64Ty(llvmContext), code.size()));
  return emitObject(wrapper, codegen, loc);
}

FailureOr<std::string> Compiler::llvmText() {
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> code = translateToLLVM(*module, llvmContext, {options.machine});
  if (!code)
    return failure();
  std::string text;
  llvm::raw_string_ostream(text) << *code;
  return text;
}

FailureOr<std::vector<SmallVector<char, 0>>> Compiler::objects(unsigned threads) {
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(threads));
  if (pool.getMaxConcurrency() > 1)
    context.setThreadPool(pool);
  auto single = llvm::make_scope_exit([&] { context.disableMultithreading(); });
  // What the host does for a device is not worth splitting.
  options.split = deviceCode.empty();
  if (failed(run(*module, Phase::Llvm, options, true)))
    return failure();
  reached = Phase::Llvm;
  SmallVector<ModuleOp> parts = {*module};
  if (options.split)
    parts = llvm::to_vector(module->getOps<ModuleOp>());
  std::vector<SmallVector<char, 0>> objects(parts.size());
  auto generate = [&](size_t index) -> LogicalResult {
    llvm::LLVMContext llvmContext;
    CodegenOptions codegen;
    codegen.machine = options.machine;
    codegen.isPart = true;
    std::unique_ptr<llvm::Module> code = translateToLLVM(parts[index], llvmContext, codegen);
    FailureOr<SmallVector<char, 0>> object = failure();
    if (code)
      object = emitObject(*code, codegen, module->getLoc());
    if (failed(object))
      return failure();
    objects[index] = std::move(*object);
    return success();
  };
  if (failed(failableParallelForEachN(&context, 0, parts.size(), generate)))
    return failure();
  if (!deviceCode.empty()) {
    CodegenOptions codegen;
    codegen.machine = options.machine;
    FailureOr<SmallVector<char, 0>> object = wrapDeviceCode(deviceCode, codegen, module->getLoc());
    if (failed(object))
      return failure();
    objects.push_back(std::move(*object));
  }
  return objects;
}

std::string jepa::printGraph(const Graph &graph) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const Node &node : graph.nodes) {
    llvm::interleaveComma(node.results, os, [&](int32_t id) { os << '%' << id; });
    os << (node.results.empty() ? "" : " = ") << node.op << "(";
    llvm::interleaveComma(node.operands, os, [&](int32_t id) { os << '%' << id; });
    os << ")";
    for (const auto &[name, value] : node.attributes) {
      os << " " << name << "=";
      std::visit(
          [&](const auto &item) {
            using Item = std::decay_t<decltype(item)>;
            if constexpr (std::is_same_v<Item, std::vector<int64_t>>)
              llvm::interleave(item, os, [&](int64_t number) { os << number; }, "x");
            else if constexpr (std::is_same_v<Item, bool>)
              os << (item ? "true" : "false");
            else
              os << item;
          },
          value);
    }
    for (int32_t id : node.results) {
      os << " :";
      for (size_t dim = 0; dim < graph.types[id].shape.size(); ++dim)
        os << (dim ? " x " : " ") << graph.types[id].axes[dim] << "=" << graph.types[id].shape[dim];
    }
    os << "  [" << node.scope << "] " << node.location.file << ":" << node.location.line << "\n";
  }
  if (graph.loss >= 0)
    os << "loss %" << graph.loss << "\n";
  return text;
}
