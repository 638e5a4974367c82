//===- AttentionCases.cpp - attention and its adjoint ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "attention_backward.cuh"
#include "attention_forward.cuh"
#include "simt/Cases.h"

#include <algorithm>
#include <cmath>

using namespace jepa::device;
using namespace simt;

#define ATTENTION(name, width, T)                                                                                      \
  extern "C" void attention_forward_##name(Rows<T>, float *, Rows<const T>, Rows<const T>, Rows<const T>, Packing<2>,  \
                                           Packing<2>, int, int, float);                                               \
  extern "C" void attention_delta_##name(float *, Rows<const T>, Rows<const T>, int, int, int);                        \
  extern "C" void attention_query_grad_##name(Rows<T>, Rows<const T>, Rows<const T>, Rows<const T>, Rows<const T>,     \
                                              AttentionStatistics, Packing<2>, Packing<2>, int, int, float);           \
  extern "C" void attention_key_grad_##name(Rows<T>, Rows<T>, Rows<const T>, Rows<const T>, Rows<const T>,             \
                                            Rows<const T>, AttentionStatistics, Packing<2>, Packing<2>, int, int,      \
                                            float);                                                                    \
  static void attention_##name##_Clips(Run &run) {                                                                     \
    check<width, T>(run, clips(), attention_forward_##name, attention_delta_##name, attention_query_grad_##name,       \
                    attention_key_grad_##name);                                                                        \
  }                                                                                                                    \
  static void attention_##name##_Packed(Run &run) {                                                                    \
    check<width, T>(run, packed(), attention_forward_##name, attention_delta_##name, attention_query_grad_##name,      \
                    attention_key_grad_##name);                                                                        \
  }                                                                                                                    \
  static const Register register_##name##_Clips("attention", #name " clips", attention_##name##_Clips);                \
  static const Register register_##name##_Packed("attention", #name " packed", attention_##name##_Packed);

namespace {

/// Queries and keys, and which of them belong together.
struct Geometry {
  int clips, heads, sequences; ///< sequences: without the padding
  std::vector<int> bounds[2];
  int length = 0;
  Packing<2> queries, keys;
  std::vector<std::vector<int>> queryRows, keyRows; ///< by sequence; the padding's queries are the last
  int mostQueries = 0, mostKeys = 0;

  int queryCount() const { return clips * queries.tokens; }
  int keyCount() const { return clips * keys.tokens; }
};

/// Two clips. Keys in two parts, of which the first counts up to a length that is known late; queries of the first part
/// alone.
Geometry clips() {
  Geometry its{2, 2, 2, {}, 41, {}, {}, {}, {}};
  its.queries = {70, {0, 70}, {70, 0}, {}, {}};
  its.keys = {150, {0, 59}, {59, 91}, {}, {}};
  for (int clip = 0; clip < 2; ++clip) {
    std::vector<int> queries, keys;
    for (int i = 0; i < 70; ++i)
      queries.push_back(clip * 70 + i);
    for (int i = 0; i < 41; ++i)
      keys.push_back(clip * 150 + i);
    for (int i = 0; i < 91; ++i)
      keys.push_back(clip * 150 + 59 + i);
    its.queryRows.push_back(queries);
    its.keyRows.push_back(keys);
  }
  its.queryRows.push_back({});
  its.mostQueries = 70;
  its.mostKeys = 132;
  return its;
}

/// Three packed samples in two parts and some padding; queries are keys. The longest has more than two blocks of keys.
Geometry packed() {
  Geometry its{1, 1, 3, {{0, 5, 70, 71}, {0, 3, 75, 84}}, 0, {}, {}, {}, {}};
  its.queries = its.keys = {75 + 90, {0, 75}, {75, 90}, {}, {}};
  for (int s = 0; s < 3; ++s) {
    std::vector<int> rows;
    for (int part = 0; part < 2; ++part)
      for (int i = its.bounds[part][s]; i < its.bounds[part][s + 1]; ++i)
        rows.push_back(part * 75 + i);
    its.queryRows.push_back(rows);
    its.mostQueries = std::max(its.mostQueries, static_cast<int>(rows.size()));
  }
  its.keyRows = its.queryRows;
  its.queryRows.push_back({71, 72, 73, 74, 159, 160, 161, 162, 163, 164});
  its.mostKeys = its.mostQueries;
  return its;
}

/// What the kernels should give, in double, from the same bf16 numbers.
struct Expected {
  std::vector<double> result, logsumexp, queryGrad, keyGrad, valueGrad;
};

template <class T>
Expected naive(const Geometry &its, int width, int stride, const std::vector<T> &query, const std::vector<T> &key,
               const std::vector<T> &valueOf, const std::vector<T> &gradient, const std::vector<double> &roundedResult,
               double scale) {
  Expected all;
  auto at = [&](int row, int head, int d) { return static_cast<std::size_t>(row * stride + head * width + d); };
  all.result.assign(query.size(), NAN), all.queryGrad = all.result;
  all.keyGrad.assign(key.size(), NAN), all.valueGrad = all.keyGrad;
  all.logsumexp.assign(static_cast<std::size_t>(its.queryCount() * its.heads), NAN);
  auto statistic = [&](int row, int head) {
    int tokens = its.queries.tokens;
    return static_cast<std::size_t>((row / tokens * its.heads + head) * tokens + row % tokens);
  };
  for (int head = 0; head < its.heads; ++head) {
    for (int row : its.queryRows.back()) {
      all.logsumexp[statistic(row, head)] = -INFINITY;
      for (int d = 0; d < width; ++d)
        all.result[at(row, head, d)] = all.queryGrad[at(row, head, d)] = 0;
    }
    if (its.bounds[0].size()) // the keys of the padding, which here are its queries
      for (int row : its.queryRows.back())
        for (int d = 0; d < width; ++d)
          all.keyGrad[at(row, head, d)] = all.valueGrad[at(row, head, d)] = 0;
  }
  for (int s = 0; s < its.sequences; ++s)
    for (int head = 0; head < its.heads; ++head) {
      for (int k : its.keyRows[static_cast<std::size_t>(s)])
        for (int d = 0; d < width; ++d)
          all.keyGrad[at(k, head, d)] = all.valueGrad[at(k, head, d)] = 0;
      for (int q : its.queryRows[static_cast<std::size_t>(s)]) {
        std::vector<double> scores, grads;
        double total = 0, delta = 0;
        for (int k : its.keyRows[static_cast<std::size_t>(s)]) {
          double score = 0, grad = 0;
          for (int d = 0; d < width; ++d) {
            score += value(query[at(q, head, d)]) * value(key[at(k, head, d)]);
            grad += value(gradient[at(q, head, d)]) * value(valueOf[at(k, head, d)]);
          }
          scores.push_back(std::exp(score * scale));
          grads.push_back(grad);
          total += scores.back();
        }
        all.logsumexp[statistic(q, head)] = std::log(total);
        for (int d = 0; d < width; ++d) {
          all.result[at(q, head, d)] = all.queryGrad[at(q, head, d)] = 0;
          delta += value(gradient[at(q, head, d)]) * roundedResult[at(q, head, d)];
        }
        std::size_t i = 0;
        for (int k : its.keyRows[static_cast<std::size_t>(s)]) {
          double p = scores[i] / total, ds = p * (grads[i] - delta) * scale;
          ++i;
          for (int d = 0; d < width; ++d) {
            all.result[at(q, head, d)] += p * value(valueOf[at(k, head, d)]);
            all.queryGrad[at(q, head, d)] += ds * value(key[at(k, head, d)]);
            all.keyGrad[at(k, head, d)] += ds * value(query[at(q, head, d)]);
            all.valueGrad[at(k, head, d)] += p * value(gradient[at(q, head, d)]);
          }
        }
      }
    }
  return all;
}

template <int Width, class T, class Forward, class Delta, class QueryGrad, class KeyGrad>
void check(Run &run, Geometry its, Forward forward, Delta delta, QueryGrad queryGrad, KeyGrad keyGrad) {
  if (its.bounds[0].size())
    for (Packing<2> *packing : {&its.queries, &its.keys})
      packing->bounds[0] = its.bounds[0].data(), packing->bounds[1] = its.bounds[1].data();
  else
    its.keys.length[0] = &its.length;
  constexpr bool exact = sizeof(T) == 4;
  const int stride = its.heads * Width;
  const float scale = 1 / std::sqrt(static_cast<float>(Width));
  auto count = [&](int rows) { return static_cast<std::size_t>(rows * stride); };
  auto query = randomVector<T>(run, count(its.queryCount()));
  auto key = randomVector<T>(run, count(its.keyCount())), valueOf = randomVector<T>(run, count(its.keyCount()));
  auto gradient = randomVector<T>(run, count(its.queryCount()));
  auto result = unwritten<T>(query.size()), dq = result, dk = unwritten<T>(key.size()), dv = dk;
  auto logsumexp = unwritten<float>(static_cast<std::size_t>(its.queryCount() * its.heads)), deltas = logsumexp;

  auto rows = [&](const std::vector<T> &x) { return Rows<const T>{x.data(), stride}; };
  auto results = [&](std::vector<T> &x) { return Rows<T>{x.data(), stride}; };
  unsigned sequences = static_cast<unsigned>(its.sequences) + (its.bounds[0].empty() ? 0 : 1);
  auto grid = [&](int most, int each) {
    return Dim3{unsigned((most + each - 1) / each), unsigned(its.heads), sequences};
  };
  run.launch(grid(its.mostQueries, 64), AttentionForward<Width, T>::threads,
             sizeof(typename AttentionForward<Width, T>::Shared), forward, results(result), logsumexp.data(),
             rows(query), rows(key), rows(valueOf), its.queries, its.keys, its.heads, its.sequences, scale);
  std::vector<double> rounded = values(result);
  Expected expected = naive(its, Width, stride, query, key, valueOf, gradient, rounded, scale);
  run.compare("result", result, expected.result, exact ? 1e-5 : 1e-2);
  run.compare("logsumexp", logsumexp, expected.logsumexp, exact ? 1e-6 : 1e-4);

  unsigned sums = static_cast<unsigned>(its.queryCount() * its.heads + 3) / 4;
  run.launch({sums}, AttentionDelta<Width, T>::threads, 0, delta, deltas.data(), rows(gradient), rows(result),
             its.queryCount(), its.heads, its.queries.tokens);
  AttentionStatistics statistics{logsumexp.data(), deltas.data()};
  run.launch(grid(its.mostQueries, 64), AttentionQueryGrad<Width, T>::threads,
             sizeof(typename AttentionQueryGrad<Width, T>::Shared), queryGrad, results(dq), rows(gradient), rows(query),
             rows(key), rows(valueOf), statistics, its.queries, its.keys, its.heads, its.sequences, scale);
  run.launch(grid(its.mostKeys, 64), AttentionKeyGrad<Width, T>::threads,
             sizeof(typename AttentionKeyGrad<Width, T>::Shared), keyGrad, results(dk), results(dv), rows(gradient),
             rows(query), rows(key), rows(valueOf), statistics, its.queries, its.keys, its.heads, its.sequences, scale);
  run.compare("queryGrad", dq, expected.queryGrad, exact ? 1e-5 : 2e-2);
  run.compare("keyGrad", dk, expected.keyGrad, exact ? 1e-5 : 2e-2);
  run.compare("valueGrad", dv, expected.valueGrad, exact ? 1e-5 : 2e-2);
}

} // namespace

ATTENTION(8, 8, bf16)
ATTENTION(24, 24, bf16)
ATTENTION(32, 32, bf16)
ATTENTION(64, 64, bf16)
ATTENTION(80, 80, bf16)
ATTENTION(88, 88, bf16)
ATTENTION(128, 128, bf16)
ATTENTION(f32_24, 24, float)
ATTENTION(f32_80, 80, float)

extern "C" {
void attention_0(bf16 *, float *, const bf16 *);
void attention_delta_0(float *, const bf16 *, const bf16 *);
void attention_query_grad_0(bf16 *, const bf16 *, const bf16 *, const float *, const float *);
void attention_key_grad_0(bf16 *, const bf16 *, const bf16 *, const float *, const float *);
extern LaunchInfo attention_0_launch, attention_delta_0_launch, attention_query_grad_0_launch,
    attention_key_grad_0_launch;
}

namespace {

/// Columns [96 part, 96 (part + 1)) of rows of 288.
template <class T> std::vector<T> part(const std::vector<T> &rows, std::size_t part) {
  std::vector<T> columns;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (i % 288 / 96 == part)
      columns.push_back(rows[i]);
  return columns;
}

void checkEmitted(Run &run) {
  constexpr int width = 32, heads = 3, clips = 2, tokens = 70, stride = width * heads;
  Geometry its{clips, heads, clips, {}, 0, {}, {}, {}, {}};
  its.queries = its.keys = {tokens, {0, tokens}, {tokens, 0}, {}, {}};
  for (int clip = 0; clip < clips; ++clip) {
    std::vector<int> rows;
    for (int i = 0; i < tokens; ++i)
      rows.push_back(clip * tokens + i);
    its.queryRows.push_back(rows);
  }
  its.keyRows = its.queryRows;
  its.queryRows.push_back({});
  auto qkv = randomVector<bf16>(run, clips * tokens * 3 * stride), qkvGrad = unwritten<bf16>(qkv.size());
  auto gradient = randomVector<bf16>(run, clips * tokens * stride), result = unwritten<bf16>(gradient.size());
  auto logsumexp = unwritten<float>(clips * tokens * heads), delta = logsumexp;
  run.launch({2, heads, clips}, attention_0_launch, attention_0, result.data(), logsumexp.data(), qkv.data());
  Expected expected = naive(its, width, stride, part(qkv, 0), part(qkv, 1), part(qkv, 2), gradient, values(result),
                            1 / std::sqrt(double(width)));
  run.compare("result", result, expected.result, 1e-2);
  run.compare("logsumexp", logsumexp, expected.logsumexp, 1e-4);
  run.launch({clips * tokens * heads / 4}, attention_delta_0_launch, attention_delta_0, delta.data(), gradient.data(),
             result.data());
  run.launch({2, heads, clips}, attention_query_grad_0_launch, attention_query_grad_0, qkvGrad.data(), gradient.data(),
             qkv.data(), logsumexp.data(), delta.data());
  run.launch({2, heads, clips}, attention_key_grad_0_launch, attention_key_grad_0, qkvGrad.data(), gradient.data(),
             qkv.data(), logsumexp.data(), delta.data());
  run.compare("queryGrad", part(qkvGrad, 0), expected.queryGrad, 2e-2);
  run.compare("keyGrad", part(qkvGrad, 1), expected.keyGrad, 2e-2);
  run.compare("valueGrad", part(qkvGrad, 2), expected.valueGrad, 2e-2);
}
const Register emitted("attention", "emitted", checkEmitted);

} // namespace
