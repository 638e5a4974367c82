//===- jepac.cpp - list, build and show specialised models ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/Artifact.h"
#include "compiler/driver/Check.h"
#include "compiler/driver/EmitProgram.h"
#include "compiler/driver/Jobs.h"
#include "compiler/driver/Matrix.h"
#include "compiler/driver/Plugins.h"
#include "runtime/core/Error.h"
#include "runtime/io/AtomicFile.h"
#include "runtime/io/Progress.h"
#include "runtime/train/StopSignal.h"

#include "compiler/InitAll.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/PrettyStackTrace.h"

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <thread>

using namespace jepa;

namespace {

/// What the command line says beyond the request itself.
struct Options {
  Request request;
  std::string task = "train", output, stage, runtime, memoryLimit, cache, matrix;
  bool noCache = false;
  unsigned jobs = 0;
  std::vector<std::string> models, passPlugins, disabled, extensions;
  bool json = false;
};

void addBuildOptions(CLI::App &command, Options &options) {
  Request &request = options.request;
  command.add_option("model", request.model, "A preset or a model; 'jepac list' shows them");
  command.add_option("--task", options.task, "What the binary does")
      ->check(CLI::IsMember({"train", "embed"}))
      ->capture_default_str();
  command.add_option("--target", request.target, "What it runs on")
      ->check(CLI::IsMember({"cpu", "cuda", "reference"}))
      ->capture_default_str();
  command.add_option("--cuda-arch", request.cudaArch, "The GPU to generate code for: sm_80 (and later 8.x), or sm_90a (Hopper)")
      ->check(CLI::IsMember({"sm_80", "sm_90a"}))
      ->capture_default_str();
  command.add_option("--dtype", request.dtype, "Arithmetic: f32, bf16 for products and attention, or f64 on the reference target")
      ->check(CLI::IsMember({"f32", "bf16", "f64"}))
      ->capture_default_str();
  command.add_option("--teacher-dtype", request.teacherDtype,
                     "The teacher's products: bf16, or fp8 (e4m3) on Hopper GPUs; default: as --dtype")
      ->check(CLI::IsMember({"bf16", "fp8"}));
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

//===----------------------------------------------------------------------===//
// Matrix
//===----------------------------------------------------------------------===//

/// What may stand beside --matrix, and is the same for all cells.
const std::set<std::string> sharedFlags = {"--matrix", "--output", "--runtime", "--cache",  "--no-cache",
                                           "--jobs",   "--json",   "--plugin",  "--load-pass-plugin"};

FlagKind lookUpFlag(const CLI::App &command, const std::string &flag) {
  const CLI::Option *option = command.get_option_no_throw(flag);
  if (!option)
    return FlagKind::Setting;
  static const std::set<std::string> perBuild = {"--set", "--remarks", "--pass-report", "--help"};
  if (sharedFlags.count(flag) || perBuild.count(flag))
    return FlagKind::Reserved;
  return option->get_expected_min() == 0 ? FlagKind::Switch : FlagKind::Value;
}

constexpr int wasCached = 3;

bool failed(const JobResult &result) { return result.signal || (result.code != 0 && result.code != wasCached); }

/// Builds one cell: 0 built, wasCached, or 1 after an error on standard error.
int buildCell(const MatrixCell &cell, const std::string &path, const BuildOptions &how) {
  CLI::App command("a cell of the matrix", "jepac build");
  Options options;
  addBuildOptions(command, options);
  try {
    command.parse(std::vector<std::string>(cell.arguments.rbegin(), cell.arguments.rend()));
  } catch (const CLI::ParseError &error) {
    throw rt::Error(error.what());
  }
  settle(options);
  BuildOutcome outcome = buildArtifact(specialise(options.request), path, how);
  return outcome == BuildOutcome::Failed ? 1 : outcome == BuildOutcome::Cached ? wasCached : 0;
}

/// Why a cell failed, in one line: its first error, else its first line.
std::string reasonOf(const JobResult &result) {
  if (result.signal)
    return "killed by signal " + std::to_string(result.signal) + " (" + strsignal(result.signal) + ")";
  if (result.errors.empty())
    return "exit code " + std::to_string(result.code);
  std::size_t at = result.errors.find("error: "), begin = 0;
  if (at != std::string::npos)
    begin = at == 0 ? 7 : result.errors.rfind('\n', at) + 1;
  return result.errors.substr(begin, result.errors.find('\n', begin) - begin);
}

/// How the cells ended, as a table or as JSON; a cell without a result was not reached. Returns whether all are there.
bool report(const std::vector<MatrixCell> &cells, const std::vector<std::string> &paths,
            const std::vector<std::optional<JobResult>> &results, double seconds, bool json) {
  std::map<std::string, int64_t> counts;
  rt::Json list = rt::Json::array();
  for (std::size_t index = 0; index < cells.size(); ++index) {
    const std::optional<JobResult> &result = results[index];
    std::string status = !result                     ? "not built"
                         : failed(*result)           ? "failed"
                         : result->code == wasCached ? "cached"
                                                     : "built";
    ++counts[status];
    rt::Json item = rt::Json::object(), values = rt::Json::object();
    for (const auto &[key, value] : cells[index].values)
      values.set(key, value);
    item.set("output", paths[index]);
    item.set("model", cells[index].model);
    item.set("values", values);
    item.set("status", status);
    item.set("seconds", result ? result->seconds : 0.0);
    std::string reason = status == "failed" ? reasonOf(*result) : "";
    if (!reason.empty())
      item.set("reason", reason);
    list.push(item);
    if (!json)
      std::printf("%-9s %7.1f s  %s%s%s\n", status.c_str(), result ? result->seconds : 0.0, paths[index].c_str(),
                  reason.empty() ? "" : ": ", reason.c_str());
  }
  if (json) {
    rt::Json summary = rt::Json::object();
    summary.set("cells", list);
    for (const char *status : {"built", "cached", "failed"})
      summary.set(status, counts[status]);
    summary.set("not_built", counts["not built"]);
    summary.set("seconds", seconds);
    std::printf("%s\n", summary.dump(true).c_str());
  } else {
    std::string rest = counts["not built"] ? ", " + std::to_string(counts["not built"]) + " not built" : "";
    std::printf("%ld built, %ld cached, %ld failed%s in %.1f s\n", long(counts["built"]), long(counts["cached"]),
                long(counts["failed"]), rest.c_str(), seconds);
  }
  return counts["failed"] + counts["not built"] == 0;
}

int buildMatrix(Options &options, const CLI::App &command, const char *argv0) {
  for (const CLI::Option *option : command.get_options())
    if (option->count() && !sharedFlags.count("--" + option->get_single_name()))
      throw rt::usageError("'" + option->get_single_name() + "' and --matrix do not go together; put it under \"options\" "
                           "in '" + options.matrix + "'");
  // Before the file is read: models of plugins are models too.
  settle(options);
  std::vector<MatrixCell> cells = readMatrix(options.matrix, rt::readTextFile(options.matrix),
                                             [&](const std::string &flag) { return lookUpFlag(command, flag); });
  std::vector<std::string> paths;
  for (const MatrixCell &cell : cells) {
    std::filesystem::path path = std::filesystem::path(options.output) / cell.output;
    if (path.has_parent_path())
      rt::requireWritableFolder(path.parent_path(), "output folder");
    paths.push_back(path.string());
  }
  std::optional<BuildCache> cache = openCache(options);
  unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  unsigned jobs = std::min<std::size_t>(options.jobs ? options.jobs : cores, cells.size());
  BuildOptions how{findRuntime(options, argv0), cache ? &*cache : nullptr, std::max(1U, cores / jobs)};

  auto begin = std::chrono::steady_clock::now();
  std::vector<std::optional<JobResult>> results(cells.size());
  {
    rt::StopSignal interrupt;
    rt::Progress progress(stderr, "build", 0, int64_t(cells.size()));
    int64_t ended = 0, failures = 0;
    auto done = [&](std::size_t index, const JobResult &result) {
      // What an interrupt ended did not fail.
      if (result.signal && rt::StopSignal::requested())
        return;
      results[index] = result;
      if (failed(result)) {
        ++failures;
        progress.note("error: " + paths[index] + ": " + reasonOf(result));
      }
      progress.update(++ended, failures ? std::to_string(failures) + " failed" : "");
    };
    runJobs(
        cells.size(), jobs, [&](std::size_t index) { return buildCell(cells[index], paths[index], how); }, done,
        rt::StopSignal::requested);
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report(cells, paths, results, seconds, options.json) ? 0 : 1;
}

int emit(Options &options) {
  settle(options);
  if (options.stage.empty() == options.output.empty())
    throw rt::usageError("'emit' needs either --stage STAGE, or --target cuda with -o FOLDER; see 'jepac emit --help'");
  bool isCuda = options.request.target == "cuda";
  if (!isCuda && (!options.output.empty() || options.stage == "cuda"))
    throw rt::usageError("'emit' " + (options.output.empty() ? std::string("--stage cuda") : "-o FOLDER") +
                         " is for --target cuda, found --target " + options.request.target);
  Specialisation specialisation = specialise(options.request);
  if (!options.output.empty()) {
    Compiler compiler(specialisation);
    if (failed(emitProgram(compiler, specialisation, options.output)))
      return 1;
    compiler.printReport(llvm::errs());
    std::cout << options.output << "\n";
    return 0;
  }
  std::optional<Phase> phase = findPhase(options.stage);
  if (isCuda && *phase == Phase::Llvm)
    throw rt::usageError("'emit' --stage llvm is for --target cpu and reference; with cuda take --stage cuda");
  if (*phase == Phase::Dsl) {
    std::cout << printGraph(specialisation.model->trace(specialisation.config, options.request.task));
    return 0;
  }
  Compiler compiler(specialisation);
  if (failed(compiler.runTo(*phase)))
    return 1;
  compiler.printReport(llvm::errs());
  if (*phase == Phase::Cuda) {
    std::cout << compiler.kernelsText() << "\n" << compiler.stepText();
    return 0;
  }
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
  if (argc > 1 && argv[1][0] != '-' &&
      !llvm::is_contained({"list", "build", "emit", "check"}, llvm::StringRef(argv[1])))
    throw rt::usageError("no command '" + std::string(argv[1]) +
                         "': expected list, build, emit or check; see 'jepac --help'");
  CLI::App *listCommand = app.add_subcommand("list", "Models, presets and their settings");
  listCommand->add_option("--plugin", options.models, "A library with models")->check(CLI::ExistingFile);
  CLI::App *buildCommand = app.add_subcommand("build", "Build one specialised binary");
  addBuildOptions(*buildCommand, options);
  buildCommand->add_option("-o,--output", options.output, "The binary; default MODEL-TASK");
  buildCommand
      ->add_option("--device-code", options.request.deviceCode,
                   "With --target cuda: compiled kernels (a cubin) of what 'emit -o FOLDER' wrote, to take as they are")
      ->check(CLI::ExistingFile);
  buildCommand->add_option("--runtime", options.runtime, "The runtime to build on")->check(CLI::ExistingFile);
  auto *cache = buildCommand->add_option(
      "--cache", options.cache,
      "Folder of earlier builds; default $JEPAC_CACHE, $XDG_CACHE_HOME/jepac or ~/.cache/jepac, kept below "
      "$JEPAC_CACHE_SIZE (5GiB)");
  buildCommand->add_flag("--no-cache", options.noCache, "Neither look at earlier builds nor keep this one")
      ->excludes(cache);
  CLI::Option *matrix = buildCommand
                            ->add_option("--matrix", options.matrix,
                                         "Build every cell of a matrix file; -o is the folder that they go to")
                            ->check(CLI::ExistingFile);
  buildCommand->add_option("--jobs", options.jobs, "Cells to build at a time; default: as many as there are cores")
      ->check(CLI::Range(1U, 1024U))
      ->needs(matrix);
  buildCommand->add_flag("--json", options.json, "Print how the cells of a matrix ended as JSON")
      ->needs(matrix);
  CLI::App *emitCommand = app.add_subcommand("emit", "Show a build at one of its stages");
  addBuildOptions(*emitCommand, options);
  std::string stages;
  std::vector<std::string> names;
  for (const PhaseInfo &info : getPhases()) {
    names.push_back(info.name);
    stages += std::string(stages.empty() ? "" : "; ") + info.name + ": " + info.description;
  }
  emitCommand->add_option("--stage", options.stage, stages)->check(CLI::IsMember(names));
  emitCommand->add_option("-o,--output", options.output, "With --target cuda: the folder that the program is written to");
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
  if (!*listCommand && options.request.model.empty() && options.matrix.empty())
    throw rt::usageError("a model is required; see 'jepac --help'");
  registerAllPasses();
  if (!options.matrix.empty())
    return buildMatrix(options, *buildCommand, argv[0]);
  if (*listCommand)
    return list(options);
  if (*checkCommand)
    return runCheck(options);
  return *buildCommand ? build(options, argv[0]) : emit(options);
}

} // namespace

/// The exit code of work that ended with `code`: text that did not reach its place is a failure too.
static int flushOutput(int code) {
  std::cout.flush();
  llvm::outs().flush();
  bool isLost = !std::cout || llvm::outs().has_error() || std::fflush(stdout) != 0;
  llvm::outs().clear_error();
  if (!isLost)
    return code;
  std::cerr << "error: cannot write to standard output\n";
  return 1;
}

int main(int argc, char **argv) {
  llvm::setBugReportMsg("PLEASE report this to jepac's issue tracker, with the command and the crash backtrace.\n");
  try {
    return flushOutput(run(argc, argv));
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
