//===- Binary.cpp - build a binary and run it ------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include "runtime/core/Error.h"
#include "runtime/core/Payload.h"
#include "runtime/io/Safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

using namespace jepa::rt;
using namespace jepa::rt::test;

//===----------------------------------------------------------------------===//
// Processes
//===----------------------------------------------------------------------===//

std::string test::temporaryPath(const std::string &suffix) {
  static TempFolder folder;
  static int count = 0;
  return folder / (std::to_string(count++) + suffix);
}

Outcome test::runShell(const std::string &line) {
  static TempFolder folder;
  return runShell(folder, line);
}

Outcome test::runJepac(const std::string &arguments) {
  return runShell(std::string(JEPAC_PROGRAM) + " " + arguments);
}

static std::string check(const std::string &line) {
  Outcome outcome = runShell(line);
  if (outcome.code != 0)
    throw Error("'" + line + "' exits with " + std::to_string(outcome.code) + ": " + outcome.error);
  return outcome.output;
}

/// Whether the arguments are of a build for a GPU, which runs here on a stand-in: see test/simt/driver.
static bool isOnDevice(const std::string &arguments) { return arguments.find("--target cuda") != std::string::npos; }

/// A build for a GPU whose kernels are compiled for the host.
static void buildOnDevice(const std::string &arguments, const std::string &path, bool sanitized) {
  std::string folder = temporaryPath(".program"), code = folder + "/kernels.so";
  check(std::string(JEPAC_PROGRAM) + " emit " + arguments + " -o " + folder);
  std::string options = sanitized ? JEPAC_ADDRESS_OPTIONS : "-O1";
  check(std::string(JEPAC_HOST_COMPILER) + " -std=c++20 " + options + " -shared -fPIC -x c++ -I" JEPAC_SOURCE_DIR "/test -I" + folder +
        "/device " + folder + "/kernels.cu -o " + code);
  std::string runtime = sanitized ? " --runtime " JEPAC_ADDRESS_RUNTIME : "";
  check(std::string(JEPAC_PROGRAM) + " build " + arguments + runtime + " --device-code " + code + " -o " + path);
}

Binary::Binary(const std::string &arguments, bool sanitized) {
  struct Entry {
    std::string file;
    Plan plan;
  };
  static std::map<std::string, std::unique_ptr<Entry>> built;
  std::unique_ptr<Entry> &entry = built[arguments + (sanitized ? " sanitized" : "")];
  if (!entry) {
    std::string path = temporaryPath(".binary");
    std::string threads = arguments.find("--max-threads") == std::string::npos ? " --max-threads 2" : "";
    if (isOnDevice(arguments))
      buildOnDevice(arguments + threads, path, sanitized);
    else
      check(std::string(JEPAC_PROGRAM) + " build " + arguments + threads + " -o " + path);
    std::optional<PayloadPlace> place = findPayload(path);
    if (!place)
      throw Error("'" + path + "' holds no payload");
    entry = std::make_unique<Entry>(Entry{path, Plan::parse(readPlanText(path, *place))});
  }
  file = entry->file;
  contents = &entry->plan;
  if (contents->onDevice())
    environment = std::string(sanitized ? "ASAN_OPTIONS=detect_leaks=0 LD_LIBRARY_PATH=" JEPAC_ADDRESS_DRIVERS
                                        : "LD_LIBRARY_PATH=" JEPAC_DRIVERS) +
                  " JEPAC_FAKE_CUDA_CAPABILITY=" +
                  std::string(contents->cudaArch == "sm_90a" ? "9.0 " : "8.0 ");
}

Json Binary::info() const { return Json::parse(check(file + " info --json")); }

std::string Binary::replay(const std::string &inputs, int steps, int threads) const {
  std::string outputs = temporaryPath(".safetensors");
  check(environment + file + " replay --inputs " + inputs + " --outputs " + outputs + " --steps " +
        std::to_string(steps) + " --threads " + std::to_string(threads));
  return outputs;
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

namespace {

/// Random numbers of one tensor, the same wherever its name and the seed are.
class Stream {
public:
  Stream(const std::string &name, unsigned seed) {
    std::vector<unsigned> key(name.begin(), name.end());
    key.push_back(seed);
    std::seed_seq sequence(key.begin(), key.end());
    engine.seed(sequence);
  }
  double uniform() { return static_cast<double>(engine() >> 11) * 0x1p-53; }
  double normal() {
    return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * M_PI * uniform());
  }
  std::vector<float> normals(std::int64_t count, double mean, double deviation) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float &value : values)
      value = static_cast<float>(mean + deviation * normal());
    return values;
  }
  /// `columns` of the `tokens` in each row, increasing.
  std::vector<std::int32_t> mask(std::int64_t rows, std::int64_t columns, std::int64_t tokens) {
    std::vector<std::int32_t> indices;
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t token = 0, missing = columns; token < tokens; ++token)
        if (uniform() * static_cast<double>(tokens - token) < static_cast<double>(missing)) {
          indices.push_back(static_cast<std::int32_t>(token));
          --missing;
        }
    return indices;
  }

private:
  std::mt19937_64 engine;
};

} // namespace

/// Weights of the size of 1/sqrt(inputs) keep attention and GELU away from their flat parts.
static std::vector<float> parameterValues(const Buffer &buffer, Stream &stream) {
  if (buffer.init == "ones")
    return stream.normals(buffer.elements, 1, 0.2);
  if (buffer.shape.size() == 1 || buffer.init == "zeros")
    return stream.normals(buffer.elements, 0, 0.3);
  double inputs = static_cast<double>(buffer.elements) / static_cast<double>(buffer.shape[0]);
  return stream.normals(buffer.elements, 0, 1 / std::sqrt(inputs));
}

/// The first clip has half of its share of the room, each further one more; what is left is padding.
static void writePackedMask(SafetensorsWriter &writer, const Buffer &mask, const Buffer &bounds, Stream &stream) {
  std::int64_t clips = bounds.elements - 1, tokens = mask.maskTokens / clips;
  std::vector<std::int32_t> list, limits{0};
  for (std::int64_t clip = 0; clip < clips; ++clip) {
    std::int64_t count = mask.elements / clips * (clips + 2 * clip) / (2 * clips);
    for (std::int32_t token : stream.mask(1, std::clamp<std::int64_t>(count, 2, tokens - 2), tokens))
      list.push_back(token);
    limits.push_back(static_cast<std::int32_t>(list.size()));
  }
  writer.add(mask.name, DType::I32, {static_cast<std::int64_t>(list.size())}, list.data());
  writer.add(bounds.name, DType::I32, {clips + 1}, limits.data());
}

std::string test::writeInputs(const Plan &plan, unsigned seed,
                              const std::map<std::string, std::int64_t> &columns) {
  std::string path = temporaryPath(".safetensors");
  std::size_t room = 256;
  for (const Buffer &buffer : plan.buffers)
    room += SafetensorsWriter::headerBytesFor("init." + buffer.name, buffer.shape.size());
  SafetensorsWriter writer(path, room);
  for (const Buffer &buffer : plan.buffers) {
    Stream stream(buffer.name, seed);
    if (const Buffer *bounds = plan.find(buffer.name + std::string(boundsSuffix)); bounds && buffer.maskTokens > 0) {
      writePackedMask(writer, buffer, *bounds, stream);
    } else if (buffer.maskTokens > 0) {
      std::vector<std::int64_t> shape = buffer.shape;
      if (auto found = columns.find(buffer.name); found != columns.end())
        shape[1] = found->second;
      writer.add(buffer.name, DType::I32, shape,
                 stream.mask(shape[0], shape[1], buffer.maskTokens).data());
    } else if (buffer.name == "clip") {
      writer.add(buffer.name, DType::F32, buffer.shape,
                 stream.normals(buffer.elements, 0, 1).data());
    } else if (buffer.kind == BufferKind::Parameter) {
      writer.add("init." + buffer.name, DType::F32, buffer.shape,
                 parameterValues(buffer, stream).data());
    }
  }
  writer.finish({});
  return path;
}

std::string test::takeClip(const std::string &inputs, std::int64_t clip) {
  std::string path = temporaryPath(".safetensors");
  SafetensorsReader reader(inputs);
  std::size_t room = 256;
  for (const TensorInfo &info : reader.tensors())
    room += SafetensorsWriter::headerBytesFor(info.name, 5);
  SafetensorsWriter writer(path, room);
  for (const TensorInfo &info : reader.tensors()) {
    DType dtype = info.type == ElementType::I32 ? DType::I32 : DType::F32;
    std::vector<std::int32_t> values(static_cast<std::size_t>(info.elements)); // or floats: either has four bytes
    reader.read(info, dtype, values.data());
    std::vector<std::int64_t> shape = info.shape;
    std::int64_t begin = 0;
    if (info.name == "clip") {
      shape[0] = 1;
      begin = clip * (info.elements / info.shape[0]);
    } else if (const TensorInfo *bounds = reader.find(info.name + std::string(boundsSuffix))) {
      std::vector<std::int32_t> limits(static_cast<std::size_t>(bounds->elements));
      reader.read(*bounds, DType::I32, limits.data());
      begin = limits[clip];
      shape = {1, limits[clip + 1] - begin};
    } else if (info.name.ends_with(boundsSuffix)) {
      continue;
    }
    writer.add(info.name, dtype, shape, values.data() + begin);
  }
  writer.finish({});
  return path;
}

std::string test::meanOf(const std::vector<std::string> &outputs) {
  std::string path = temporaryPath(".safetensors");
  std::map<std::string, std::vector<double>> sums;
  std::map<std::string, std::vector<std::int64_t>> shapes;
  std::size_t room = 256;
  for (const std::string &file : outputs) {
    SafetensorsReader reader(file);
    for (const TensorInfo &info : reader.tensors()) {
      if (info.name != "losses" && !info.name.starts_with("grad."))
        continue;
      std::vector<double> values(static_cast<std::size_t>(info.elements));
      reader.read(info, DType::F64, values.data());
      std::vector<double> &sum = sums[info.name];
      sum.resize(values.size());
      for (std::size_t i = 0; i < values.size(); ++i)
        sum[i] += values[i] / static_cast<double>(outputs.size());
      shapes[info.name] = info.shape;
    }
  }
  for (const auto &[name, shape] : shapes)
    room += SafetensorsWriter::headerBytesFor(name, shape.size());
  SafetensorsWriter writer(path, room);
  for (const auto &[name, sum] : sums)
    writer.add(name, DType::F64, shapes[name], sum.data());
  writer.finish({});
  return path;
}

//===----------------------------------------------------------------------===//
// Expectations
//===----------------------------------------------------------------------===//

void test::expectClose(const std::string &found, const std::string &expected,
                       const Tolerances &tolerances,
                       const std::function<bool(std::string_view)> &wanted) {
  auto differences = compareFiles(found, expected, tolerances, wanted);
  EXPECT_FALSE(differences.empty()) << expected << " has nothing to compare";
  const Difference *worst = nullptr;
  for (const Difference &difference : differences)
    if (difference.ok() && difference.tolerance > 0 &&
        (!worst || difference.error / difference.tolerance > worst->error / worst->tolerance))
      worst = &difference;
  if (worst)
    std::printf("%zu tensors, at worst: %s", differences.size(), describe({*worst}).c_str());
  std::string failures = describe(differences, true);
  EXPECT_TRUE(failures.empty()) << failures;
}

void test::expectCloseInBf16(const std::string &found, const std::string &expected) {
  expectClose(found, expected, {3e-2, 0, 0}, [](std::string_view name) {
    return !name.starts_with("grad.") && !name.starts_with("final.") && !name.starts_with("dense.") &&
           name != "losses";
  });
  auto cosines = gradientCosines(found, expected);
  ASSERT_FALSE(cosines.empty());
  auto [worst, name] = cosines.front();
  double median = cosines[cosines.size() / 2].first;
  std::printf("gradients: worst cosine %.6f (%s), median %.6f\n", worst, name.c_str(), median);
  EXPECT_GE(worst, 0.995) << name;
  EXPECT_GE(median, 0.999);
}
