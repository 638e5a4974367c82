//===- Plan.cpp - what a specialised binary is: its plan ------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Plan.h"

#include "runtime/core/Error.h"

#include <algorithm>
#include <limits>

using namespace jepa::rt;

std::int64_t jepa::rt::dtypeBytes(DType dtype) {
  return dtype == DType::F64 ? 8 : dtype == DType::BF16 ? 2 : 4;
}

std::string_view jepa::rt::dtypeName(DType dtype) {
  switch (dtype) {
  case DType::F32:
    return "f32";
  case DType::F64:
    return "f64";
  case DType::I32:
    return "i32";
  case DType::BF16:
    return "bf16";
  }
  return "?";
}

std::string_view jepa::rt::kindName(BufferKind kind) {
  static constexpr std::string_view names[] = {"parameter", "moment", "copy",
                                               "table",     "input",  "output"};
  return names[static_cast<int>(kind)];
}

namespace {

/// One object of the plan with its place, so that an error says where.
class Reader {
public:
  Reader(const Json &object, std::string place) : object(object), place(std::move(place)) {}

  [[noreturn]] void fail(std::string_view key, std::string_view what) const {
    std::string where = place.empty() ? std::string(key) : place + "." + std::string(key);
    throw Error("invalid plan: " + where + ": " + std::string(what) +
                "; build the binary again with a jepac of the runtime's version");
  }

  template <class Get> auto read(std::string_view key, Get get) const {
    try {
      return get(object.at(key));
    } catch (const Error &error) {
      fail(key, error.what());
    }
  }

  bool has(std::string_view key) const {
    const Json *member = object.find(key);
    return member && !member->isNull();
  }

  std::string text(std::string_view key) const {
    return read(key, [](const Json &j) { return j.asString(); });
  }
  std::string textOr(std::string_view key) const { return has(key) ? text(key) : std::string(); }
  bool flag(std::string_view key) const { return has(key) && integerOrBool(key) != 0; }
  double real(std::string_view key) const {
    return read(key, [](const Json &j) { return j.asReal(); });
  }
  std::int64_t integer(std::string_view key, std::int64_t least = 0,
                       std::int64_t most = std::numeric_limits<std::int64_t>::max()) const {
    std::int64_t number = read(key, [](const Json &j) { return j.asInteger(); });
    if (number < least || number > most)
      fail(key, std::to_string(number) + " is out of range");
    return number;
  }
  std::vector<std::int64_t> integers(std::string_view key) const {
    return read(key, [](const Json &j) { return j.asIntegers(); });
  }
  Grid grid(std::string_view key) const {
    std::vector<std::int64_t> sizes = integers(key);
    if (sizes.size() != 3)
      fail(key, "expected three sizes");
    for (std::int64_t size : sizes)
      if (size < 1 || size > (1 << 20))
        fail(key, std::to_string(size) + " is out of range");
    return {sizes[0], sizes[1], sizes[2]};
  }
  std::array<double, 2> range(std::string_view key) const {
    return read(key, [](const Json &j) {
      const Json::Array &ends = j.asArray();
      if (ends.size() != 2)
        throw Error("expected two numbers");
      return std::array<double, 2>{ends[0].asReal(), ends[1].asReal()};
    });
  }
  /// The index of the text among `names`.
  template <std::size_t N>
  int choice(std::string_view key, const std::array<std::string_view, N> &names) const {
    std::string name = text(key);
    auto place = std::find(names.begin(), names.end(), name);
    if (place == names.end())
      fail(key, "unknown value '" + name + "'");
    return static_cast<int>(place - names.begin());
  }
  const Json::Array &items(std::string_view key) const {
    try {
      return object.at(key).asArray();
    } catch (const Error &error) {
      fail(key, error.what());
    }
  }
  Reader child(std::string_view key, const Json &value, std::string_view index = {}) const {
    if (!value.isObject())
      fail(key, "expected an object");
    return Reader(value, std::string(key) + (index.empty() ? "" : "[" + std::string(index) + "]"));
  }

  const Json &object;

private:
  std::int64_t integerOrBool(std::string_view key) const {
    return read(key, [](const Json &j) {
      return j.kind() == Json::Kind::Integer ? j.asInteger() : std::int64_t(j.asBool());
    });
  }
  std::string place;
};

/// Where a plan does not say which driver its code needs: the first one that knows sm_90a and graphs as they are used.
constexpr std::int64_t leastCudaVersion = 12000;

constexpr std::array<std::string_view, 4> dtypes = {"f32", "f64", "i32", "bf16"};
constexpr std::array<std::string_view, 6> kinds = {"parameter", "moment", "copy",
                                                   "table",     "input",  "output"};
constexpr std::array<std::string_view, 3> inits = {"trunc_normal", "zeros", "ones"};
constexpr std::array<std::string_view, 2> tasks = {"train", "embed"};
constexpr std::array<std::string_view, 3> rules = {"fixed", "published", "packed"};

/// The number of elements; fails on negative sizes and beyond 2^48.
std::int64_t countElements(const Reader &reader, const std::vector<std::int64_t> &shape) {
  constexpr std::int64_t most = std::int64_t(1) << 48;
  std::int64_t count = 1;
  for (std::int64_t size : shape) {
    if (size < 0 || size > most || (size > 0 && count > most / size))
      reader.fail("shape", "absurd size");
    count *= size;
  }
  return count;
}

Buffer readBuffer(const Reader &reader, DType real, std::int64_t arenaBytes) {
  Buffer b;
  b.name = reader.text("name");
  b.kind = static_cast<BufferKind>(reader.choice("kind", kinds));
  b.dtype = reader.has("dtype") ? static_cast<DType>(reader.choice("dtype", dtypes)) : real;
  b.shape = reader.integers("shape");
  b.elements = countElements(reader, b.shape);
  b.bytes = b.elements * dtypeBytes(b.dtype);
  b.offset = reader.integer("offset");
  if (b.offset > arenaBytes || b.bytes > arenaBytes - b.offset)
    reader.fail("offset",
                "the buffer ends beyond the arena of " + std::to_string(arenaBytes) + " bytes");
  if (b.offset % dtypeBytes(b.dtype) != 0)
    reader.fail("offset", "not aligned to its element");
  b.trainable = reader.flag("trainable");
  b.decay = reader.flag("decay");
  b.teacher = reader.textOr("teacher");
  b.emaOf = reader.textOr("ema_of");
  if (b.kind == BufferKind::Parameter) {
    b.init = inits[static_cast<std::size_t>(reader.choice("init", inits))];
    b.std = reader.has("std") ? reader.real("std") : 0;
    if (reader.has("packed")) {
      std::vector<std::int64_t> packed = reader.integers("packed");
      if (packed.size() != 3 || packed[0] < 1 || packed[1] < 1 || b.elements % packed[0] != 0 ||
          b.elements / packed[0] != packed[1] || (b.dtype != DType::F32 && b.dtype != DType::BF16))
        reader.fail("packed", "expected [n, k, transB] of n x k elements");
      b.packed = {packed[0], packed[1], packed[2] != 0};
    }
  }
  if (b.kind == BufferKind::Table) {
    b.grid = reader.grid("grid");
    b.width = reader.integer("width", 1, 1 << 20);
    b.uniform = reader.flag("uniform");
    b.image = reader.textOr("table") == "2d";
    if (b.image && b.grid[0] != 1)
      reader.fail("grid", "a table of an image has depth 1");
    if (reader.has("trained_grid"))
      b.trainedGrid = reader.grid("trained_grid");
    // Sizes are at most 2^20, so these products cannot overflow.
    if (b.elements / b.width != b.grid[0] * b.grid[1] * b.grid[2] || b.elements % b.width != 0)
      reader.fail("shape", "does not hold grid x width");
  }
  if (reader.has("mask_tokens"))
    b.maskTokens = reader.integer("mask_tokens", 1, std::numeric_limits<std::int32_t>::max());
  if (b.kind != BufferKind::Input && b.dtype == DType::I32)
    reader.fail("dtype", "only inputs may hold indices");
  return b;
}

MaskPlan readMasks(const Reader &reader) {
  MaskPlan masks;
  masks.rule = rules[static_cast<std::size_t>(reader.choice("rule", rules))];
  masks.grid = reader.grid("grid");
  std::size_t index = 0;
  for (const Json &item : reader.items("groups")) {
    Reader group = reader.child("masks.groups", item, std::to_string(index++));
    masks.groups.push_back({group.integer("context", 1), group.integer("target", 1), group.integer("num_blocks", 1),
                            group.range("spatial_scale"), group.range("temporal_scale"), group.range("aspect_ratio"),
                            group.has("mean_context") ? group.real("mean_context") : 0,
                            group.has("mean_target") ? group.real("mean_target") : 0});
  }
  return masks;
}

/// "f32", "bf16" or, on a device, "e4m3" as the ABI's number.
std::int32_t readElements(const Reader &reader, const char *key, bool onDevice = false) {
  constexpr std::array<std::string_view, 3> names{"f32", "bf16", "e4m3"};
  int type = reader.choice(key, names);
  if (type == JEPAC_E4M3 && !onDevice)
    reader.fail(key, "e4m3 is for devices");
  return type;
}

/// What a product on a device says beyond `desc`.
jepac_device_gemm_desc readDeviceGemm(const Reader &reader, const jepac_gemm_desc &desc) {
  constexpr std::array<std::string_view, 5> epilogues{"none", "bias", "gelu", "dgelu", "bias_grad"};
  constexpr std::int64_t most = std::int64_t(1) << 40;
  jepac_device_gemm_desc device{};
  device.m = desc.m, device.n = desc.n, device.k = desc.k;
  device.lda = desc.lda, device.ldb = desc.ldb, device.ldc = desc.ldc;
  device.transA = desc.transA, device.transB = desc.transB;
  device.inputs = desc.inputs, device.result = desc.result;
  device.auxiliary = reader.has("auxiliary") ? reader.integer("auxiliary", 0, most) : 0;
  device.workspaceBytes = reader.has("workspace_bytes") ? reader.integer("workspace_bytes", 0, most) : 0;
  device.epilogue = reader.has("epilogue") ? reader.choice("epilogue", epilogues) : JEPAC_EPILOGUE_NONE;
  device.biasType = reader.has("bias_type") ? readElements(reader, "bias_type") : desc.result;
  return device;
}

GemmUse readGemm(const Reader &reader, bool onDevice) {
  constexpr std::int64_t most = std::int64_t(1) << 40;
  GemmUse use;
  use.desc = {reader.integer("m", 1, most),   reader.integer("n", 1, most),
              reader.integer("k", 1, most),   reader.integer("lda", 1, most),
              reader.integer("ldb", 1, most), reader.integer("ldc", 1, most),
              reader.flag("transA"),          reader.flag("transB"),
              reader.flag("packed"),          readElements(reader, "inputs", onDevice),
              readElements(reader, "result"), reader.flag("rounds_b"),
              0,                              0};
  use.bias = reader.flag("bias");
  use.count = reader.has("count") ? reader.integer("count", 1) : 1;
  if (onDevice)
    use.device = readDeviceGemm(reader, use.desc);
  else
    use.scratchBytes = reader.integer("scratch_bytes");
  return use;
}

Function readFunction(const Reader &reader, std::int64_t index, std::int64_t count) {
  Function function;
  function.name = reader.text("name");
  std::size_t place = 0;
  for (const Json &item : reader.items("calls")) {
    Reader call = reader.child("functions.calls", item, std::to_string(place++));
    Call c;
    c.kernel = call.textOr("kernel");
    c.scope = call.textOr("scope");
    c.line = call.textOr("line");
    // Callees come later, so nothing can call itself.
    if (call.has("function"))
      c.function = call.integer("function", index + 1, count - 1);
    c.flops = call.has("flops") ? call.integer("flops") : 0;
    c.bytes = call.has("bytes") ? call.integer("bytes") : 0;
    if (c.kernel.empty() == (c.function < 0))
      call.fail("kernel", "expected a kernel or a function");
    function.calls.push_back(std::move(c));
  }
  return function;
}

} // namespace

//===----------------------------------------------------------------------===//
// Relations between buffers
//===----------------------------------------------------------------------===//

[[noreturn]] static void failBuffer(const Buffer &buffer, const std::string &what) {
  throw Error("invalid plan: buffer '" + buffer.name + "' " + what);
}

static const Buffer &partnerOf(const Plan &plan, const Buffer &buffer, const std::string &partner) {
  const Buffer *other = plan.find(partner);
  if (!other || other->kind != BufferKind::Parameter)
    failBuffer(buffer, "refers to '" + partner + "', which is no parameter");
  if (other->shape != buffer.shape)
    failBuffer(buffer, "and '" + partner + "' differ in shape");
  return *other;
}

static void checkPartner(const Plan &plan, const Buffer &buffer, const std::string &partner) {
  if (partnerOf(plan, buffer, partner).dtype != buffer.dtype)
    failBuffer(buffer, "and '" + partner + "' differ in dtype");
}

static void checkPartners(const Plan &plan) {
  for (const Buffer &buffer : plan.buffers) {
    if (!buffer.teacher.empty())
      checkPartner(plan, buffer, buffer.teacher);
    if (!buffer.emaOf.empty())
      checkPartner(plan, buffer, buffer.emaOf);
    if (buffer.kind == BufferKind::Copy) {
      if (!buffer.name.starts_with(copyPrefix))
        failBuffer(buffer, "is a copy, but its name does not begin with 'copy:'");
      partnerOf(plan, buffer, std::string(buffer.master()));
      if (buffer.dtype != DType::BF16)
        failBuffer(buffer, "is a copy, but not in bf16");
    }
    if (buffer.kind != BufferKind::Moment)
      continue;
    if (buffer.name.size() < 3 || (buffer.name[0] != 'm' && buffer.name[0] != 'v') ||
        buffer.name[1] != ':')
      failBuffer(buffer, "is a moment, but its name does not begin with 'm:' or 'v:'");
    checkPartner(plan, buffer, buffer.name.substr(2));
  }
}

/// Bounds divide a mask's list, and the tokens that it indexes, among clips.
static void checkBounds(const Plan &plan) {
  for (const Buffer &buffer : plan.buffers) {
    if (buffer.kind != BufferKind::Input || !buffer.name.ends_with(boundsSuffix))
      continue;
    const Buffer *mask = plan.find(buffer.name.substr(0, buffer.name.size() - boundsSuffix.size()));
    std::int64_t clips = buffer.elements - 1;
    if (!mask || mask->maskTokens == 0 || mask->shape.size() != 2 || buffer.dtype != DType::I32 ||
        mask->dtype != DType::I32)
      failBuffer(buffer, "are bounds of no mask");
    // A mask that is not packed yet, between two passes, has a row for each clip.
    if (clips < 1 || (mask->shape[0] != clips && mask->maskTokens % clips != 0))
      failBuffer(buffer, "do not divide the tokens of '" + mask->name + "'");
  }
}

static void checkOverlap(const Plan &plan) {
  std::vector<const Buffer *> kept;
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind <= BufferKind::Table && buffer.bytes > 0)
      kept.push_back(&buffer);
  std::sort(kept.begin(), kept.end(),
            [](const Buffer *a, const Buffer *b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < kept.size(); ++i)
    if (kept[i - 1]->offset + kept[i - 1]->bytes > kept[i]->offset)
      failBuffer(*kept[i], "overlaps '" + kept[i - 1]->name + "'");
}

static void checkPacked(const Plan &plan) {
  for (const Buffer &buffer : plan.buffers)
    if (buffer.packed && !plan.productOf(buffer))
      failBuffer(buffer, "is packed for no product");
}

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

Plan Plan::parse(std::string_view text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Error &error) {
    throw Error(std::string("invalid plan: ") + error.what());
  }
  if (!json.isObject())
    throw Error("invalid plan: expected an object");
  Reader reader(json, "");
  if (std::int64_t format = reader.integer("format"); format != planFormat)
    reader.fail("format", "this runtime reads format " + std::to_string(planFormat) + ", found " +
                              std::to_string(format));
  Plan plan;
  plan.model = reader.text("model");
  plan.task = static_cast<Task>(reader.choice("task", tasks));
  plan.target = reader.text("target");
  plan.dtype = static_cast<DType>(reader.choice("dtype", dtypes));
  if (plan.dtype == DType::I32)
    reader.fail("dtype", "expected f32, f64 or bf16");
  plan.teacherDtype = reader.textOr("teacher_dtype");
  plan.version = reader.text("version");
  plan.pipeline = reader.textOr("pipeline");
  plan.taps = reader.flag("taps");
  plan.maxThreads = reader.integer("max_threads", 1, 1 << 16);
  plan.parameters = reader.integer("parameters");
  plan.flopsPerClip = reader.integer("flops_per_clip");
  plan.flopsPerClipUnpruned = reader.integer("flops_per_clip_unpruned");
  plan.peakBytes = reader.integer("peak_bytes");
  plan.arenaBytes = reader.integer("arena_bytes", 0, std::int64_t(1) << 46);
  plan.config = reader.read("config", [](const Json &object) {
    std::vector<std::pair<std::string, std::string>> settings;
    for (const Json::Member &member : object.asObject())
      settings.emplace_back(member.first, member.second.asString());
    return settings;
  });
  if (reader.has("libraries"))
    for (const Json &name : reader.items("libraries"))
      plan.libraries.push_back(name.isString() ? name.asString() : name.dump());
  if (reader.has("cpu_features"))
    for (const Json &name : reader.items("cpu_features"))
      plan.cpuFeatures.push_back(name.isString() ? name.asString() : name.dump());
  if (plan.target == "cuda") {
    plan.cudaArch = reader.text("cuda_arch");
    plan.cudaVersion = reader.has("cuda_version") ? reader.integer("cuda_version", 0, 1 << 20) : leastCudaVersion;
    if (plan.cudaArch.empty())
      reader.fail("cuda_arch", "expected sm_80 or sm_90a");
  }
  if (reader.has("masks"))
    plan.masks = readMasks(reader.child("masks", json.at("masks")));
  if (const Json *provenance = json.find("provenance"))
    plan.provenance = *provenance;

  std::size_t index = 0;
  for (const Json &item : reader.items("buffers")) {
    Reader place = reader.child("buffers", item, std::to_string(index++));
    Buffer buffer = readBuffer(place, plan.dtype, plan.arenaBytes);
    if (!plan.byName.emplace(buffer.name, plan.buffers.size()).second)
      place.fail("name", "'" + buffer.name + "' occurs twice");
    plan.buffers.push_back(std::move(buffer));
  }
  index = 0;
  if (reader.has("gemms"))
    for (const Json &item : reader.items("gemms"))
      plan.gemms.push_back(readGemm(reader.child("gemms", item, std::to_string(index++)), plan.onDevice()));
  if (reader.has("functions")) {
    const Json::Array &functions = reader.items("functions");
    for (const Json &item : functions) {
      auto at = static_cast<std::int64_t>(plan.functions.size());
      plan.functions.push_back(readFunction(reader.child("functions", item, std::to_string(at)), at,
                                            static_cast<std::int64_t>(functions.size())));
    }
  }
  checkPartners(plan);
  checkBounds(plan);
  checkOverlap(plan);
  checkPacked(plan);
  return plan;
}

const Buffer *Plan::find(std::string_view name) const {
  auto found = byName.find(std::string(name));
  return found == byName.end() ? nullptr : &buffers[found->second];
}

const jepac_gemm_desc *Plan::productOf(const Buffer &weight) const {
  std::int32_t inputs = weight.dtype == DType::BF16 ? JEPAC_BF16 : JEPAC_F32;
  for (const GemmUse &use : gemms)
    if (use.desc.packedB && use.desc.inputs == inputs && use.desc.n == weight.packed->n &&
        use.desc.k == weight.packed->k && (use.desc.transB != 0) == weight.packed->transB)
      return &use.desc;
  return nullptr;
}

const Buffer &Plan::at(std::string_view name) const {
  if (const Buffer *buffer = find(name))
    return *buffer;
  throw Error("the plan has no buffer '" + std::string(name) + "'");
}

const std::string *Plan::setting(std::string_view key) const {
  for (const auto &[name, value] : config)
    if (name == key)
      return &value;
  return nullptr;
}
