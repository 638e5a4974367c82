//===- jepac.cpp - list, build and show specialised models ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/Artifact.h"
#include "compiler/driver/Check.h"
#include "compiler/driver/Plugins.h"
#include "runtime/core/Error.h"
#include "runtime/io/AtomicFile.h"

#include "compiler/InitAll.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/PrettyStackTrace.h"

#include <CLI/CLI.hpp>

#include <iostream>

using namespace jepa;

namespace {

/// What the command line says beyond the request itself.
struct Options {
  Request request;
  std::string task = "train", output, stage, runtime, memoryLimit, cache;
  bool noCache = false;
  std::vector<std::string> models, passPlugins, disabled, extensions;
  bool json = false;
};

void addBuildOptions(CLI::App &command, Options &options) {
  Request &request = options.request;
  command.add_option("model", request.model, "A preset or a model; 'jepac list' shows them")->required();
  command.add_option("--task", options.task, "What the binary does")
      ->check(CLI::IsMember({"train", "embed"}))
      ->capture_default_str();
  command.add_option("--target", request.target, "What it runs on")
      ->check(CLI::IsMember({"cpu", "reference"}))
      ->capture_default_str();
  command.add_option("--dtype", request.dtype, "Arithmetic: f32, bf16 for products and attention, or f64 on the reference target")
      ->check(CLI::IsMember({"f32", "bf16", "f64"}))
      ->capture_default_str();
  command.add_option("--cpu-features", request.cpuFeatures,
                     "The processor to generate code for, as clang's -march, then features to add or leave out: "
                     "x86-64-v3,+fma,-avx512f")
      ->capture_default_str();
  static const std::pair<const char *, std::pair<const char *, const char *>> settings[] = {
      {"--resolution", {"crop", "Height and width in pixels"}},
      {"--frames", {"frames", "Frames of a clip"}},
      {"--batch", {"batch", "Clips of a step"}},
      {"--context-tokens", {"context_tokens", "Visible tokens of each mask group, K,K2"}},
      {"--target-tokens", {"target_tokens", "Predicted tokens of each mask group, M,M2"}}};
  for (const auto &[flag, meaning] : settings) {
    std::string name = flag, key = meaning.first;
    command.add_option_function<std::string>(
        name, [&request, name, key](const std::string &value) { request.flags.push_back({name, key, value}); },
        meaning.second);
  }
  command.add_option("--mask-ratio", request.maskRatio, "Share of the tokens hidden from the encoder, in (0, 1)");
  command.add_option("--masks", request.masks, "How samples come to equal token counts")
      ->check(CLI::IsMember({"fixed", "published", "packed"}))
      ->capture_default_str();
  command.add_option("--set", request.settings, "key=value: any geometry or optimiser setting");
  command.add_flag("--taps", request.taps, "Keep every named intermediate for replay");
  command.add_option("--max-threads", request.maxThreads, "Most threads that the binary may use; default: this machine's")
      ->check(CLI::Range(int64_t(1), int64_t(1024)));
  command.add_option("--memory-limit", options.memoryLimit, "Recompute until the plan fits, e.g. 16GiB; refuse what cannot");
  command.add_option("--disable-pass", options.disabled, "Leave a graph pass out");
  command.add_option("--pipeline", request.pipeline, "Replace the graph passes by a textual pipeline");
  command.add_option("--extend", options.extensions,
                     "POINT=PIPELINE: run passes at after-prune, after-differentiate or after-fuse");
  command.add_flag("--remarks", request.remarks, "Say what passes did, at which line of the model");
  command.add_option("--pass-report", request.passReport, "Print what passes counted, as text or json")
      ->check(CLI::IsMember({"text", "json"}));
  command.add_option("--load-pass-plugin", options.passPlugins, "A library with passes")->check(CLI::ExistingFile);
  command.add_option("--plugin", options.models, "A library with models")->check(CLI::ExistingFile);
}

void settle(Options &options) {
  for (const std::string &path : options.models)
    loadModelPlugin(path);
  for (const std::string &path : options.passPlugins)
    loadPassPlugin(path);
  options.request.task = options.task == "train" ? Task::Train : Task::Embed;
  options.request.disabledPasses.insert(options.disabled.begin(), options.disabled.end());
  if (!options.memoryLimit.empty())
    options.request.memoryLimit = parseBytes(options.memoryLimit);
  for (const std::string &text : options.extensions) {
    std::size_t equals = text.find('=');
    std::string point = text.substr(0, equals);
    if (equals == std::string::npos ||
        (point != "after-prune" && point != "after-differentiate" && point != "after-fuse"))
      throw ConfigError("'--extend " + text + "' is not POINT=PIPELINE with a point after-prune, after-differentiate "
                        "or after-fuse");
    options.request.extensions[point] = text.substr(equals + 1);
  }
}

int list(const Options &options) {
  for (const std::string &path : options.models)
    loadModelPlugin(path);
  auto text = [](const Config &config, const std::string &key) {
    return config.knows(key) ? config.text(key) : std::string();
  };
  for (const Model &model : models()) {
    std::cout << model.name << ": " << model.summary << "\n";
    for (const Preset &preset : model.presets) {
      Config config = findPreset(preset.name).config;
      std::cout << "  " << preset.name << std::string(preset.name.size() < 18 ? 18 - preset.name.size() : 1, ' ')
                << preset.summary << " (crop " << text(config, "crop") << ", frames " << text(config, "frames")
                << ", batch " << text(config, "batch") << ")\n";
    }
    std::cout << "  settings (--set key=value):\n";
    for (const Setting &setting : model.settings)
      std::cout << "    " << setting.key << "=" << setting.value
                << std::string(std::max<int>(1, 34 - int(setting.key.size() + setting.value.size())), ' ')
                << setting.help << "\n";
  }
  return 0;
}

/// The executable that artifacts are built on: given, or beside this program.
std::string findRuntime(const Options &options, const char *argv0) {
  if (!options.runtime.empty())
    return options.runtime;
  std::string self = llvm::sys::fs::getMainExecutable(argv0, reinterpret_cast<void *>(&findRuntime));
  llvm::SmallString<256> path(llvm::sys::path::parent_path(self));
  llvm::sys::path::append(path, "jepa-runtime");
  if (!llvm::sys::fs::exists(path))
    throw rt::Error("'" + path.str().str() + "' is missing; give the runtime with --runtime FILE");
  return path.str().str();
}

/// The cache that builds look into; none with --no-cache, or where the folder that nobody asked for cannot be written.
std::optional<BuildCache> openCache(const Options &options) {
  const char *size = std::getenv("JEPAC_CACHE_SIZE");
  uint64_t bytes = size && *size ? parseBytes(size) : BuildCache::defaultBytes;
  std::string folder = options.cache.empty() ? BuildCache::defaultFolder() : options.cache;
  if (options.noCache || folder.empty())
    return std::nullopt;
  try {
    rt::requireWritableFolder(folder, "build cache");
  } catch (const rt::Error &error) {
    if (!options.cache.empty() || std::getenv("JEPAC_CACHE"))
      throw;
    return std::nullopt;
  }
  return BuildCache(folder, bytes);
}

int build(Options &options, const char *argv0) {
  settle(options);
  Specialisation specialisation = specialise(options.request);
  std::string path = options.output.empty() ? options.request.model + "-" + options.task : options.output;
  std::optional<BuildCache> cache = openCache(options);
  BuildOptions how{findRuntime(options, argv0), cache ? &*cache : nullptr};
  if (buildArtifact(specialisation, path, how) == BuildOutcome::Failed)
    return 1;
  std::cout << path << "\n";
  return 0;
}

int emit(Options &options) {
  settle(options);
  std::optional<Phase> phase = findPhase(options.stage);
  Specialisation specialisation = specialise(options.request);
  if (*phase == Phase::Dsl) {
    std::cout << printGraph(specialisation.model->trace(specialisation.config, options.request.task));
    return 0;
  }
  Compiler compiler(specialisation);
  if (failed(compiler.runTo(*phase)))
    return 1;
  compiler.printReport(llvm::errs());
  if (*phase == Phase::Llvm) {
    auto text = compiler.llvmText();
    if (failed(text))
      return 1;
    llvm::outs() << *text;
    return 0;
  }
  mlir::OpPrintingFlags flags;
  compiler.getModule().print(llvm::outs(), flags);
  return 0;
}

int runCheck(Options &options) {
  settle(options);
  Specialisation specialisation = specialise(options.request);
  if (options.json) {
    CheckReport report = check(specialisation);
    std::cout << report.toJson().dump(true) << "\n";
    return report.firstBad() ? 1 : 0;
  }
  printCheckHead(llvm::outs());
  CheckReport report = check(specialisation, [](const CheckRow &row) { printCheckRow(llvm::outs(), row); });
  printCheckVerdict(llvm::outs(), report);
  return report.firstBad() ? 1 : 0;
}

int run(int argc, char **argv) {
  CLI::App app("jepac: specialised binaries for V-JEPA-style video models", "jepac");
  app.set_version_flag("--version", std::string("jepac ") + JEPAC_VERSION);
  app.require_subcommand(1);
  Options options;
  CLI::App *listCommand = app.add_subcommand("list", "Models, presets and their settings");
  listCommand->add_option("--plugin", options.models, "A library with models")->check(CLI::ExistingFile);
  CLI::App *buildCommand = app.add_subcommand("build", "Build one specialised binary");
  addBuildOptions(*buildCommand, options);
  buildCommand->add_option("-o,--output", options.output, "The binary; default MODEL-TASK");
  buildCommand->add_option("--runtime", options.runtime, "The runtime to build on")->check(CLI::ExistingFile);
  auto *cache = buildCommand->add_option(
      "--cache", options.cache,
      "Folder of earlier builds; default $JEPAC_CACHE, $XDG_CACHE_HOME/jepac or ~/.cache/jepac, kept below "
      "$JEPAC_CACHE_SIZE (5GiB)");
  buildCommand->add_flag("--no-cache", options.noCache, "Neither look at earlier builds nor keep this one")
      ->excludes(cache);
  CLI::App *emitCommand = app.add_subcommand("emit", "Show a build at one of its stages");
  addBuildOptions(*emitCommand, options);
  std::string stages;
  std::vector<std::string> names;
  for (const PhaseInfo &info : getPhases()) {
    names.push_back(info.name);
    stages += std::string(stages.empty() ? "" : "; ") + info.name + ": " + info.description;
  }
  emitCommand->add_option("--stage", options.stage, stages)->required()->check(CLI::IsMember(names));
  CLI::App *checkCommand = app.add_subcommand("check", "Run a build's program after every pass and compare");
  addBuildOptions(*checkCommand, options);
  checkCommand->add_flag("--json", options.json, "Print the table as JSON");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0)
      return app.exit(error);
    std::cerr << "error: " << error.what() << "; see 'jepac --help'\n";
    return 2;
  }
  registerAllPasses();
  if (*listCommand)
    return list(options);
  if (*checkCommand)
    return runCheck(options);
  return *buildCommand ? build(options, argv[0]) : emit(options);
}

} // namespace

int main(int argc, char **argv) {
  llvm::setBugReportMsg("PLEASE report this to jepac's issue tracker, with the command and the crash backtrace.\n");
  try {
    return run(argc, argv);
  } catch (const ConfigError &error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  } catch (const rt::Error &error) {
    std::cerr << "error: " << error.what() << "\n";
    return error.exitCode;
  } catch (const std::exception &error) {
    std::cerr << "error: " << error.what() << " (this is a bug in jepac; please report it with the command)\n";
    return 1;
  }
}
