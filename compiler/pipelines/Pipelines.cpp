//===- Pipelines.cpp - the phases of a build ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/pipelines/Pipelines.h"

#include "compiler/target/Codegen.h"
#include "passes/PackWeights/PackWeights.h"

#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace jepa;

ArrayRef<PhaseInfo> jepa::getPhases() {
  static const PhaseInfo phases[] = {
      {Phase::Dsl, "dsl", "the nodes that the model recorded"},
      {Phase::Jepa, "jepa", "the imported model: dense, with its own source lines"},
      {Phase::Pruned, "pruned", "only the tokens that the masks leave"},
      {Phase::Gradient, "gradient", "the whole step: forward, backward, optimiser"},
      {Phase::Fused, "fused", "neighbours run together, equal layers share one function"},
      {Phase::Kernels, "kernels", "launches on planned buffers, and the kernels"},
      {Phase::Cuda, "cuda", "CUDA C++: the kernels, and what the host does in a step"},
      {Phase::Llvm, "llvm", "LLVM IR, optimised for the machine"},
  };
  return phases;
}

std::optional<Phase> jepa::findPhase(StringRef name) {
  for (const PhaseInfo &info : getPhases())
    if (name == info.name)
      return info.phase;
  return std::nullopt;
}

bool jepa::isDisabled(StringRef name, const PipelineOptions &options) {
  return options.disabled.count(name.str()) || (name.consume_front("jepa-") && options.disabled.count(name.str()));
}

//===----------------------------------------------------------------------===//
// Passes that are left out
//===----------------------------------------------------------------------===//

namespace {

struct PassRule {
  const char *name;
  /// Why a program that runs needs it, with these options; null where it can be left out.
  const char *(*need)(const PipelineOptions &);
  /// Whether a pipeline of the user's own stands for it.
  bool isGraph = true;
};

} // namespace

/// Every pass that is added by its name.
static ArrayRef<PassRule> getOptionalPasses() {
  using Options = const PipelineOptions &;
  static constexpr auto never = [](Options) -> const char * { return nullptr; };
  static const PassRule rules[] = {
      {"jepa-fuse-attention", never},
      {"jepa-prune-tokens",
       [](Options options) {
         return options.packed ? "--masks packed packs what pruning leaves; take --masks fixed" : nullptr;
       }},
      {"jepa-bind-lengths",
       [](Options options) {
         return options.ragged ? "--masks published would count rows that a batch does not have; take --masks fixed"
                               : nullptr;
       }},
      {"jepa-pack-masks",
       [](Options options) {
         return options.packed ? "--masks packed would have nowhere to put a sample's tokens; take --masks fixed"
                               : nullptr;
       }},
      {"jepa-merge-masks", never},
      {"jepa-differentiate",
       [](Options options) { return options.train ? "without gradients nothing is trained; take --task embed" : nullptr; }},
      {"jepa-insert-optimizer",
       [](Options options) { return options.train ? "without updates nothing is trained; take --task embed" : nullptr; }},
      {"jepa-mixed-precision", never},
      {"jepa-read-masters", never},
      {"jepa-quantize-teacher", never},
      {"jepa-fuse-epilogues", never},
      {"jepa-rematerialize", never},
      {"jepa-outline-layers", never},
      {"jepa-pack-weights", never, /*isGraph=*/false},
  };
  return rules;
}

/// Whether the name of a pass was given as `text`, with or without the project's prefix.
static bool isNamed(StringRef pass, StringRef text) { return pass == text || (pass.consume_front("jepa-") && pass == text); }

LogicalResult jepa::verifyDisabled(const PipelineOptions &options, raw_ostream &errors) {
  for (const PassRule &rule : getOptionalPasses())
    if (const char *why = isDisabled(rule.name, options) ? rule.need(options) : nullptr) {
      errors << "--disable-pass: this build needs " << rule.name << ": " << why;
      return failure();
    }
  return success();
}

static LogicalResult verifyDisabledNames(const PipelineOptions &options, raw_ostream &errors) {
  for (const std::string &name : options.disabled) {
    const PassRule *named =
        llvm::find_if(getOptionalPasses(), [&](const PassRule &rule) { return isNamed(rule.name, name); });
    if (named != getOptionalPasses().end()) {
      if (options.graphPipeline.empty() || !named->isGraph)
        continue;
      errors << "--disable-pass " << name << ": --pipeline says which graph passes run; leave it out there";
      return failure();
    }
    if (PassInfo::lookup(name) || PassInfo::lookup("jepa-" + name))
      errors << "--disable-pass " << name << ": the pass is in every build or in none; those that can be left out are ";
    else
      errors << "--disable-pass " << name << ": there is no such pass; those that can be left out are ";
    llvm::interleaveComma(getOptionalPasses(), errors, [&](const PassRule &rule) { errors << rule.name; });
    return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Phases
//===----------------------------------------------------------------------===//

/// Of a device's threads, so many run loops that have scratch of their own.
static constexpr int64_t deviceScratchThreads = 1024;

namespace {

/// Adds passes by their text, so that plugins' passes are as good as the project's own.
class PhaseBuilder {
public:
  PhaseBuilder(OpPassManager &manager, const PipelineOptions &options, raw_ostream &errors)
      : manager(manager), options(options), errors(errors) {}

  /// `text` is one pass with its options, `name` what `--disable-pass` calls it.
  void add(StringRef name, StringRef text) {
    if (isDisabled(name))
      return;
    parse(text);
  }
  void add(StringRef name) { add(name, name); }

  void parse(StringRef text) {
    if (succeeded(result))
      result = parsePassPipeline(text, manager, errors);
  }
  void extend(StringRef point) {
    if (auto found = options.extensions.find(point.str()); found != options.extensions.end())
      parse(found->second);
  }

  bool isDisabled(StringRef name) {
    // A pass that nobody listed would be refused by --disable-pass as one that no build is without.
    if (llvm::none_of(getOptionalPasses(), [&](const PassRule &rule) { return name == rule.name; })) {
      errors << "bug: " << name << " is added by its name and not among the passes that can be left out; please report it";
      result = failure();
    }
    return jepa::isDisabled(name, options);
  }

  LogicalResult result = success();

private:
  OpPassManager &manager;
  const PipelineOptions &options;
  raw_ostream &errors;
};

} // namespace

static void addPrunePhase(PhaseBuilder &phase, const PipelineOptions &options) {
  // What comes from the model is checked before anything builds on it.
  phase.parse("jepa-verify-phase{phase=model}");
  // Tokens, lengths and bounds have a meaning in attention, none in matrices of scores: they would stop at its parts.
  phase.add("jepa-fuse-attention", "func.func(jepa-fuse-attention)");
  // Then at once, on the flat import: a shared function would make the analysis demand everything for everyone.
  phase.add("jepa-prune-tokens", "func.func(jepa-prune-tokens)");
  // Parameters and tables that several groups read become one; after pruning, since the groups' tokens differ now.
  phase.parse("canonicalize,cse");
  // Needs attention over the kept tokens alone; must come before the adjoints, which take the lengths over.
  if (options.ragged)
    phase.add("jepa-bind-lengths");
  // The same place and reasons: a batch's samples one after the other, each with as many tokens as it has.
  if (options.packed)
    phase.add("jepa-pack-masks");
  // The groups' tokens differ now and their weights are the same: one batch, whose adjoint is one batch too.
  if (options.train)
    phase.add("jepa-merge-masks", "func.func(jepa-merge-masks),canonicalize,cse");
  phase.extend("after-prune");
  // Without pruning, masked attention is meant to be there still.
  if (!phase.isDisabled("jepa-prune-tokens"))
    phase.parse("jepa-verify-phase{phase=pruned}");
}

static void addGradientPhase(PhaseBuilder &phase, const PipelineOptions &options) {
  // Once more, for what an extension wrote: the adjoint of attention is the fused op's own, which keeps no scores.
  phase.add("jepa-fuse-attention", "func.func(jepa-fuse-attention)");
  if (options.train) {
    phase.add("jepa-differentiate", "func.func(jepa-differentiate)");
    // Turns the gradients that the pass before left into updates in place; nothing may read a parameter afterwards.
    phase.add("jepa-insert-optimizer", options.taps ? "func.func(jepa-insert-optimizer{keep-gradients=true})"
                                                    : "func.func(jepa-insert-optimizer)");
  }
  phase.parse("canonicalize,cse");
  phase.extend("after-differentiate");
  if (options.train && !phase.isDisabled("jepa-insert-optimizer"))
    phase.parse("jepa-verify-phase{phase=gradient}");
}

static void addFusePhase(PhaseBuilder &phase, const PipelineOptions &options) {
  // After the updates, which tell which parameters need a master in f32; before fusion, which takes the casts in.
  if (options.lowPrecision)
    phase.add("jepa-mixed-precision", options.target == "cuda" ? "func.func(jepa-mixed-precision{low-biases=true})"
                                                               : "func.func(jepa-mixed-precision)");
  // Takes away copies that the pass before made, before anything looks at them; products of the target round for it.
  if (options.lowPrecision && options.train && options.target == "cpu")
    phase.add("jepa-read-masters", "func.func(jepa-read-masters)");
  // Looks at the weights' copies, whose masters follow a student; before products become part of groups.
  if (options.quantizeTeacher)
    phase.add("jepa-quantize-teacher", "func.func(jepa-quantize-teacher)");
  // Lets a row stay in the cache from op to op; one flat function is enough, as equal layers get equal groups.
  phase.add("jepa-fuse-epilogues", "func.func(jepa-fuse-epilogues)");
  phase.extend("after-fuse");
  // Knows which values a fused group keeps to itself; layers that are recomputed alike still share a function.
  if (options.train && options.rematerializeTo > 0)
    phase.add("jepa-rematerialize", "func.func(jepa-rematerialize{best-effort=true limit=" +
                                        std::to_string(options.rematerializeTo) + "})");
  // Last of the graph passes: the others look at one flat function.
  phase.add("jepa-outline-layers");
}

LogicalResult jepa::addPhase(OpPassManager &manager, Phase phase, const PipelineOptions &options,
                             raw_ostream &errors) {
  if (failed(verifyDisabledNames(options, errors)))
    return failure();
  PhaseBuilder builder(manager, options, errors);
  bool isGraph = phase == Phase::Pruned || phase == Phase::Gradient || phase == Phase::Fused;
  if (isGraph && !options.graphPipeline.empty()) {
    // A pipeline of the user's own stands for all three; it runs as one, before the first border that asks for it.
    if (phase == Phase::Pruned)
      builder.parse(options.graphPipeline);
    return builder.result;
  }
  switch (phase) {
  case Phase::Dsl:
  case Phase::Jepa:
    break;
  case Phase::Pruned:
    addPrunePhase(builder, options);
    break;
  case Phase::Gradient:
    addGradientPhase(builder, options);
    break;
  case Phase::Fused:
    addFusePhase(builder, options);
    break;
  case Phase::Kernels: {
    LowerToKernelsOptions lower;
    lower.target = options.target;
    lower.maxThreads = options.target == "cuda" ? deviceScratchThreads : options.maxThreads;
    // What decides which kernels are written; the rest is between LLVM and the processor.
    if (options.machine.hasBf16Dot())
      lower.features.push_back("avx512bf16");
    if (options.machine.hasMatrixTiles())
      lower.features.push_back("amx-bf16");
    manager.addPass(createLowerToKernels(lower, options.products.scratchBytes));
    // Views and constants that the emitters repeat would lengthen lifetimes.
    builder.parse("canonicalize,cse");
    // Needs the products of all layers that share a function; makes scratch smaller, so before it is placed.
    if (options.target == "cpu" && options.products.packedBytes && !builder.isDisabled("jepa-pack-weights"))
      manager.addPass(createPackWeights(options.products));
    builder.parse("jepa-verify-phase{phase=kernels}");
    builder.parse("jepa-plan-memory");
    // The border to code generation: an overlap would be a wrong number, silently.
    builder.parse("func.func(jepa-verify-plan)");
    break;
  }
  case Phase::Cuda:
    // Needs the plan, whose places some kernels' tables hold.
    if (options.target == "cuda")
      builder.parse("jepa-loops-to-emitc{max-threads=" + std::to_string(deviceScratchThreads) + "}");
    break;
  case Phase::Llvm:
    if (options.split)
      builder.parse("jepa-split-kernels");
    buildKernelsToLLVMPipeline(options.split ? manager.nest<ModuleOp>() : manager, options.machine);
    break;
  }
  return builder.result;
}
