//===- Plan.h - what a specialised binary is: its plan --------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_PLAN_H
#define JEPA_RUNTIME_CORE_PLAN_H

#include "runtime/core/Abi.h"
#include "runtime/core/Json.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace jepa::rt {

/// Version of the plan's text that this runtime reads.
inline constexpr std::int64_t planFormat = 1;

enum class DType { F32, F64, I32, BF16 };
std::int64_t dtypeBytes(DType dtype);
std::string_view dtypeName(DType dtype);

enum class Task { Train, Embed };
/// A copy, called `copy:` and a parameter's name, is that parameter in low precision.
enum class BufferKind { Parameter, Moment, Copy, Table, Input, Output };
std::string_view kindName(BufferKind kind);

/// Places of the `hyper` input.
namespace hyper {
enum : int {
  LearningRate,
  WeightDecay,
  Ema,
  Correction1,
  Correction2,
  ClipGrad,
  Beta1,
  Beta2,
  Epsilon,
  Count
};
} // namespace hyper

using Grid = std::array<std::int64_t, 3>;

/// What the name of a parameter's copy begins with.
inline constexpr std::string_view copyPrefix = "copy:";

/// A named part of the arena with a static place.
struct Buffer {
  std::string name;
  BufferKind kind = BufferKind::Input;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;
  std::int64_t elements = 0; ///< product of the shape
  std::int64_t bytes = 0;

  /// The parameter that a copy is of.
  std::string_view master() const { return std::string_view(name).substr(copyPrefix.size()); }

  // Parameters.
  bool trainable = false;
  bool decay = false;
  std::string init; ///< "trunc_normal", "zeros" or "ones"
  double std = 0;
  std::string teacher; ///< the parameter that follows this one; empty if none
  std::string emaOf;   ///< the parameter that this one follows; empty if none
  /// The right operand of products, kept in their library's layout.
  struct Packed {
    std::int64_t n, k;
    bool transB;
  };
  std::optional<Packed> packed;

  // Position tables.
  Grid grid{};
  std::int64_t width = 0;
  bool uniform = false;
  bool image = false; ///< the 2-D table of a single image
  std::optional<Grid> trainedGrid;

  // Masks: the number of tokens that the indices address; 0 for other inputs.
  std::int64_t maskTokens = 0;
};

/// One mask group: capacities per clip and the multi-block sampler's settings.
struct MaskGroup {
  std::int64_t context = 0, target = 0, numBlocks = 0;
  std::array<double, 2> spatialScale{}, temporalScale{}, aspectRatio{};
  double meanContext = 0, meanTarget = 0; ///< tokens of a clip, where the rule is "packed"
};

struct MaskPlan {
  std::string rule; ///< "fixed", "published" or "packed"
  Grid grid{};
  std::vector<MaskGroup> groups;
};

/// One shape of product that the step runs, `count` times. Where the program runs on a device, `device` says the same and
/// the rest.
struct GemmUse {
  jepac_gemm_desc desc{};
  jepac_device_gemm_desc device{};
  bool bias = false;
  std::int64_t count = 0, scratchBytes = 0;
};

/// A launch or a product, or a call of another function of the generated code.
struct Call {
  std::string kernel;         ///< empty where another function is called
  std::string scope;          ///< the model's module path; within a called function what is left of it
  std::string line;           ///< the model's line, "VJepa.h:31"
  std::int64_t function = -1; ///< the called function's place in Plan::functions
  std::int64_t flops = 0;     ///< 0 where not known
  std::int64_t bytes = 0;     ///< of the buffers that it touches
};

/// A function of the generated code: straight-line, so its calls are the same
/// in every run.
struct Function {
  std::string name;
  std::vector<Call> calls;
};

/// An input that says whether `clip` holds bytes [clip, frame, row, column, 3] from its start (1), which the device
/// normalises, or the floats that it is declared as (0).
inline constexpr std::string_view clipBytesName = "clip.bytes";

/// An input "mask.bounds" says where each clip's entries begin in the packed list "mask".
inline constexpr std::string_view boundsSuffix = ".bounds";

/// The plan, checked: every buffer lies within the arena and is aligned to its
/// element, names are unique, persistent buffers (parameters, moments, copies,
/// tables) do not overlap, and every moment, copy, teacher and ema_of names a
/// parameter of the same shape.
struct Plan {
  std::string model, target, version, pipeline;
  Task task = Task::Embed;
  DType dtype = DType::F32;
  std::string teacherDtype;                                ///< "fp8", "bf16", or empty for `dtype`
  std::vector<std::pair<std::string, std::string>> config; ///< every --set key
  std::optional<MaskPlan> masks;
  bool taps = false;
  std::int64_t maxThreads = 0, parameters = 0, flopsPerClip = 0, flopsPerClipUnpruned = 0;
  std::int64_t peakBytes = 0, arenaBytes = 0;
  std::vector<std::string> libraries;
  std::vector<std::string> cpuFeatures; ///< those that the code needs, by LLVM's names
  std::string cudaArch;                 ///< "sm_90a": what the device's code was built for; empty without a device
  std::int64_t cudaVersion = 0;         ///< the driver that it needs at least, as CUDA counts: 12040 is 12.4
  std::vector<Buffer> buffers;
  std::vector<GemmUse> gemms;
  /// `jepa_run` first, each function before those that it calls; empty if the
  /// plan does not tell.
  std::vector<Function> functions;
  Json provenance;

  /// Whether the arena and all that computes are on a GPU.
  bool onDevice() const { return !cudaArch.empty(); }

  /// Reads and checks; throws Error naming the first thing that is wrong.
  static Plan parse(std::string_view text);

  /// The buffer of that name or null.
  const Buffer *find(std::string_view name) const;
  /// The buffer of that name; throws Error.
  const Buffer &at(std::string_view name) const;
  /// A product that reads the packed weight, or null.
  const jepac_gemm_desc *productOf(const Buffer &weight) const;
  /// The value of a --set key or null.
  const std::string *setting(std::string_view key) const;

private:
  std::unordered_map<std::string, std::size_t> byName;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_PLAN_H
