//===- FakeArtifact.h - whole binaries around the stand-in models --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_UNIT_RUNTIME_MAIN_FAKEARTIFACT_H
#define JEPA_TEST_UNIT_RUNTIME_MAIN_FAKEARTIFACT_H

#include "FakeModel.h"
#include "Shell.h"
#include "runtime/core/Json.h"
#include "runtime/core/Payload.h"
#include "runtime/io/Safetensors.h"

#include <string>
#include <vector>

namespace jepa::rt::test {

/// Appends a buffer of the fake arena to a plan.
inline void addBuffer(Json &buffers, const char *name, const char *kind,
                      const std::vector<std::int64_t> &shape, int offset,
                      const std::string &extra = "{}") {
  Json buffer = Json::parse(extra);
  buffer.set("name", name);
  buffer.set("kind", kind);
  buffer.set("shape", shape);
  buffer.set("offset", offset);
  buffers.push(buffer);
}

inline Json fakePlan(const char *task) {
  Json plan = Json::parse(R"json({"format":1,"model":"fake","target":"cpu","dtype":"f32",
    "version":"0.1.0","config":{"crop":"16","frames":"4","batch":"2","lr":"0.05","weight_decay":"0",
    "ema":"0.9"},"taps":false,"max_threads":4,"pipeline":"none","libraries":[],"parameters":5,
    "flops_per_clip":1000,"flops_per_clip_unpruned":3000,"peak_bytes":4096,"gemms":[],
    "functions":[{"name":"jepa_run","calls":[{"kernel":"goal_0","scope":"encoder","flops":100,
    "bytes":64}]}],
    "provenance":{"by":"a test"}})json");
  plan.set("task", task);
  plan.set("arena_bytes", int(ARENA_BYTES));
  Json buffers = Json::array();
  addBuffer(buffers, "encoder.w", "parameter", {WIDTH}, AT_WEIGHT,
            R"({"init":"trunc_normal","std":0.02,"trainable":true,"teacher":null})");
  addBuffer(buffers, "clip", "input", {BATCH, CHANNELS, FRAMES, SIZE, SIZE}, AT_CLIP);
  if (std::string(task) == "embed") {
    addBuffer(buffers, "dense.norm", "output", {BATCH, TOKENS, WIDTH}, AT_FEATURES);
    plan.set("buffers", buffers);
    return plan;
  }
  addBuffer(buffers, "target_encoder.w", "parameter", {WIDTH}, AT_TEACHER,
            R"({"init":"zeros","ema_of":"encoder.w"})");
  addBuffer(buffers, "predictor.b", "parameter", {1}, AT_BIAS, R"({"init":"zeros"})");
  addBuffer(buffers, "m:encoder.w", "moment", {WIDTH}, AT_M_WEIGHT);
  addBuffer(buffers, "v:encoder.w", "moment", {WIDTH}, AT_V_WEIGHT);
  addBuffer(buffers, "m:predictor.b", "moment", {1}, AT_M_BIAS);
  addBuffer(buffers, "v:predictor.b", "moment", {1}, AT_V_BIAS);
  addBuffer(buffers, "hyper", "input", {9}, AT_HYPER);
  addBuffer(buffers, "mask0.context", "input", {BATCH, CONTEXT}, AT_CONTEXT,
            R"({"dtype":"i32","mask_tokens":8})");
  addBuffer(buffers, "mask0.target", "input", {BATCH, TARGET}, AT_TARGET,
            R"({"dtype":"i32","mask_tokens":8})");
  addBuffer(buffers, "loss", "output", {1}, AT_LOSS);
  addBuffer(buffers, "grad_norm_squared.encoder", "output", {1}, AT_NORM);
  addBuffer(buffers, "grad.encoder.w", "output", {WIDTH}, AT_GRAD);
  plan.set("buffers", buffers);
  plan.set("masks", Json::parse(R"({"rule":"fixed","grid":[2,2,2],"groups":[{"context":3,"target":2,
    "num_blocks":2,"spatial_scale":[0.5,0.5],"temporal_scale":[1,1],"aspect_ratio":[1,1]}]})"));
  return plan;
}

/// Makes the artifact of `plan`; returns its path.
inline std::string makeArtifact(const TempFolder &folder, const Json &plan,
                                const std::string &name = "fake") {
  bool training = plan.at("task").asString() == "train";
  std::string path = folder / name;
  appendPayload(JEPAC_RUNTIME, readBytes(training ? JEPAC_FAKE_TRAIN : JEPAC_FAKE_EMBED),
                plan.dump(), path);
  return path;
}

} // namespace jepa::rt::test

#endif // JEPA_TEST_UNIT_RUNTIME_MAIN_FAKEARTIFACT_H
