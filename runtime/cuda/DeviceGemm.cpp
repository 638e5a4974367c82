//===- DeviceGemm.cpp - products on a GPU through cuBLASLt ----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/cuda/DeviceGemm.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

using namespace jepa::rt;
using namespace jepa::rt::cuda;
using namespace jepa::rt::cuda::lt;

/// How often each proposal of the library is measured.
static constexpr int runsPerCandidate = 5;
/// How many are, unless the environment asks for another number: more are measured to know what fewer miss.
static int mostCandidates() {
  const char *text = std::getenv("JEPAC_CUBLASLT_CANDIDATES");
  int count = text ? std::atoi(text) : 0;
  return count > 0 ? std::min(count, 1024) : 8;
}
/// CUBLAS_STATUS_NOT_SUPPORTED.
static constexpr int notSupported = 15;
/// The library asks for no better.
static constexpr std::uint32_t bestAlignment = 256;

static Type typeOf(std::int32_t type) {
  return type == JEPAC_E4M3 ? typeE4m3 : type == JEPAC_BF16 ? typeBf16 : typeF32;
}

static std::uint32_t alignmentOf(const void *address) {
  auto bits = reinterpret_cast<std::uintptr_t>(address) | bestAlignment;
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

static std::uint32_t epilogueOf(const jepac_device_gemm_desc &d, const ProductPlaces &places) {
  switch (d.epilogue) {
  case JEPAC_EPILOGUE_BIAS: return epilogueBias;
  case JEPAC_EPILOGUE_GELU: return epilogueGelu | (places.aux ? epilogueAux : 0U) | (places.bias ? epilogueBias : 0U);
  case JEPAC_EPILOGUE_DGELU: return epilogueDGelu | (places.bias ? epilogueBiasGrad : 0U);
  case JEPAC_EPILOGUE_BIAS_GRAD: return epilogueBiasGradB; // the library's B is the ABI's A
  }
  return epilogueDefault;
}

std::string DeviceGemm::describe(const jepac_device_gemm_desc &d) {
  static constexpr const char *types[] = {"f32", "bf16", "e4m3"};
  return "a product of " + std::to_string(d.m) + " x " + std::to_string(d.n) + " x " + std::to_string(d.k) + " " +
         (d.transA ? "t" : "n") + (d.transB ? "t" : "n") + " in " + types[d.inputs] + ", epilogue " +
         std::to_string(d.epilogue);
}

/// All that the choice of an algorithm depends on.
static std::string keyOf(const jepac_device_gemm_desc &d, std::uint32_t epilogue, const ProductPlaces &places) {
  std::string key;
  for (std::int64_t number : {d.m, d.n, d.k, d.lda, d.ldb, d.ldc, d.auxiliary, d.workspaceBytes, std::int64_t(d.transA),
                              std::int64_t(d.transB), std::int64_t(d.inputs), std::int64_t(d.result),
                              std::int64_t(epilogue), std::int64_t(d.biasType), std::int64_t(alignmentOf(places.a)),
                              std::int64_t(alignmentOf(places.b)), std::int64_t(alignmentOf(places.c)),
                              std::int64_t(alignmentOf(places.bias)), std::int64_t(alignmentOf(places.aux))})
    key += (key.empty() ? "" : " ") + std::to_string(number);
  return key;
}

//===----------------------------------------------------------------------===//
// A prepared product
//===----------------------------------------------------------------------===//

struct DeviceGemm::Product {
  Product(const Library &library, const jepac_device_gemm_desc &d, std::uint32_t epilogue)
      : library(library), d(d), epilogue(epilogue) {
    // Stored rows are the library's columns.
    auto layout = [&](Layout &its, std::int32_t type, std::int64_t rows, std::int64_t columns, std::int64_t stride) {
      check(library.layoutCreate(&its, typeOf(type), static_cast<std::uint64_t>(columns),
                                 static_cast<std::uint64_t>(rows), stride));
    };
    layout(a, d.inputs, d.transA ? d.k : d.m, d.transA ? d.m : d.k, d.lda);
    layout(b, d.inputs, d.transB ? d.n : d.k, d.transB ? d.k : d.n, d.ldb);
    layout(c, d.result, d.m, d.n, d.ldc);
    check(library.descCreate(&desc, compute32F, typeF32));
    set(descTransA, d.transB ? opTranspose : opNone);
    set(descTransB, d.transA ? opTranspose : opNone);
    set(descEpilogue, epilogue);
    if (hasBias())
      set(descBiasType, std::int32_t(typeOf(d.biasType)));
    if (hasAux())
      set(descAuxStride, d.auxiliary);
    // Parts of a sum stay in the tensor cores' own precision, which is finer than e4m3's by far.
    if (d.inputs == JEPAC_E4M3)
      set(descFastSums, std::int8_t(1));
  }
  ~Product() {
    for (Layout layout : {a, b, c})
      if (layout)
        library.layoutDestroy(layout);
    if (desc)
      library.descDestroy(desc);
  }
  Product(const Product &) = delete;
  Product &operator=(const Product &) = delete;

  bool gradsBias() const { return (epilogue & epilogueBiasGradB) || (isDGelu() && (epilogue & epilogueBiasGrad)); }
  bool hasBias() const { return (epilogue & epilogueBias) || gradsBias(); }
  bool hasAux() const { return (epilogue & epilogueAux) != 0; }
  bool isDGelu() const { return (epilogue & epilogueDGelu) == epilogueDGelu; }

  template <class T> void set(DescAttribute attribute, T value) const {
    check(library.descSet(desc, attribute, &value, sizeof value));
  }
  void check(int status) const { Library::check(status, describe(d)); }

  /// The addresses that the library takes with the description, whose alignment it also goes by.
  void place(const ProductPlaces &places) const {
    if (hasBias())
      set(descBiasPointer, places.bias);
    if (hasAux())
      set(descAuxPointer, places.aux);
    if (d.inputs == JEPAC_E4M3) {
      set(descScaleA, places.scaleB);
      set(descScaleB, places.scaleA);
    }
  }

  const Library &library;
  const jepac_device_gemm_desc d;
  const std::uint32_t epilogue;
  MatmulDesc desc = nullptr;
  Layout a = nullptr, b = nullptr, c = nullptr; ///< by the ABI's names
  Algorithm algorithm{};
  bool isSupported = true; ///< the library has an algorithm
};

DeviceGemm::DeviceGemm(Device &device, AlgorithmCache cache)
    : device(device), library(Library::get()), cache(std::move(cache)) {
  Library::check(library.create(&handle), "to start");
  prefix = device.name() + " cublasLt " + std::to_string(library.version()) + ": ";
}

DeviceGemm::~DeviceGemm() {
  products.clear();
  library.destroy(handle);
}

void DeviceGemm::run(const jepac_device_gemm_desc &d, const ProductPlaces &places, Stream stream) {
  const Product &product = prepare(d, places, stream);
  if (product.isSupported)
    return multiply(product, product.algorithm, places, stream);
  jepac_device_gemm_desc bare = d;
  ProductPlaces bareAt = places;
  bareAt.bias = nullptr;
  if (d.epilogue == JEPAC_EPILOGUE_BIAS_GRAD)
    bare.epilogue = JEPAC_EPILOGUE_NONE;
  run(bare, bareAt, stream);
  sumColumns(d, places, stream);
}

/// A bias' gradient: the sums over the rows of the result, or of a transposed.
void DeviceGemm::sumColumns(const jepac_device_gemm_desc &d, const ProductPlaces &places, Stream stream) {
  bool ofResult = d.epilogue == JEPAC_EPILOGUE_DGELU;
  jepac_device_gemm_desc sums{};
  sums.m = 1;
  sums.n = ofResult ? d.n : d.m;
  sums.k = ofResult ? d.m : d.k;
  sums.inputs = ofResult ? d.result : d.inputs;
  sums.result = sums.biasType = d.biasType;
  sums.lda = sums.k;
  sums.ldb = ofResult ? d.ldc : d.lda;
  sums.ldc = sums.n;
  std::int64_t words = (sums.k * (sums.inputs == JEPAC_BF16 ? 2 : 4) + 3) / 4;
  std::int64_t taken = (words * 4 + bestAlignment - 1) / bestAlignment * bestAlignment;
  sums.workspaceBytes = d.workspaceBytes - taken;
  if (sums.workspaceBytes < 0)
    throw Error("the workspace of " + describe(d) + " (" + std::to_string(d.workspaceBytes) +
                " bytes) has no room for what cuBLASLt's missing epilogue takes (" + std::to_string(taken) + ")");
  auto ones = reinterpret_cast<DevicePointer>(places.workspace);
  device.check(device.driver.fillOnDevice(ones, sums.inputs == JEPAC_BF16 ? 0x3f803f80U : 0x3f800000U,
                                          static_cast<std::size_t>(words), stream),
               "filling a workspace");
  run(sums,
      {places.bias, places.workspace, ofResult ? places.c : places.a, nullptr, nullptr, nullptr, nullptr,
       static_cast<std::byte *>(places.workspace) + taken},
      stream);
}

DeviceGemm::Product &DeviceGemm::prepare(const jepac_device_gemm_desc &d, const ProductPlaces &places, Stream stream) {
  std::uint32_t epilogue = epilogueOf(d, places);
  std::string key = keyOf(d, epilogue, places);
  std::unique_ptr<Product> &product = products[key];
  if (!product) {
    auto made = std::make_unique<Product>(library, d, epilogue);
    made->isSupported = choose(*made, places, prefix + key, stream);
    product = std::move(made);
  }
  return *product;
}

void DeviceGemm::multiply(const Product &product, const Algorithm &algorithm, const ProductPlaces &places,
                          Stream stream) const {
  product.place(places);
  float one = 1, zero = 0;
  product.check(library.matmul(handle, product.desc, &one, places.b, product.b, places.a, product.a, &zero, places.c,
                               product.c, places.c, product.c, &algorithm, places.workspace,
                               static_cast<std::size_t>(product.d.workspaceBytes), stream));
}

//===----------------------------------------------------------------------===//
// Algorithms
//===----------------------------------------------------------------------===//

/// What the library proposes; nothing only for a product that also sums up a bias' gradient.
std::vector<Candidate> DeviceGemm::candidates(const Product &product, const ProductPlaces &places) const {
  Preference preference = nullptr;
  product.check(library.preferenceCreate(&preference));
  int status = 0;
  auto set = [&]<class T>(PreferenceAttribute attribute, T value) {
    if (status == 0)
      status = library.preferenceSet(preference, attribute, &value, sizeof value);
  };
  set(preferenceWorkspaceBytes, static_cast<std::uint64_t>(product.d.workspaceBytes));
  set(preferenceReductions, reductionComputeType);
  set(preferenceAlignmentA, alignmentOf(places.b));
  set(preferenceAlignmentB, alignmentOf(places.a));
  set(preferenceAlignmentC, alignmentOf(places.c));
  set(preferenceAlignmentD, alignmentOf(places.c));
  int most = mostCandidates(), count = 0;
  std::vector<Candidate> found(static_cast<std::size_t>(most));
  if (status == 0)
    status = library.heuristic(handle, product.desc, product.b, product.a, product.c, product.c, preference, most,
                               found.data(), &count);
  library.preferenceDestroy(preference);
  if (status != notSupported)
    product.check(status);
  found.resize(static_cast<std::size_t>(std::clamp(count, 0, most)));
  std::erase_if(found, [](const Candidate &candidate) { return candidate.state != 0; });
  if (found.empty() && !product.gradsBias())
    product.check(notSupported);
  return found;
}

double DeviceGemm::measure(const Product &product, const Algorithm &algorithm, const ProductPlaces &places,
                           Stream stream) const {
  DeviceEvent begin(device), end(device);
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run <= runsPerCandidate; ++run) {
    begin.record(stream);
    multiply(product, algorithm, places, stream);
    end.record(stream);
    end.wait(describe(product.d));
    if (run > 0) // the first one also loads the algorithm's code
      best = std::min(best, end.secondsSince(begin));
  }
  return best;
}

/// Whether running a product again gives the same result: its inputs must outlive it.
static bool canRepeat(const jepac_device_gemm_desc &d, const ProductPlaces &places) {
  return places.aux != places.c && places.a != places.c && places.b != places.c &&
         (d.epilogue != JEPAC_EPILOGUE_DGELU || places.aux != places.bias);
}

/// Whether the library has an algorithm.
bool DeviceGemm::choose(Product &product, const ProductPlaces &places, const std::string &key, Stream stream) {
  product.place(places);
  Candidate checked{};
  if (const Algorithm *known = cache.find(key);
      known &&
      library.algorithmCheck(handle, product.desc, product.b, product.a, product.c, product.c, known, &checked) == 0 &&
      checked.workspaceBytes <= static_cast<std::size_t>(product.d.workspaceBytes)) {
    product.algorithm = *known;
    return true;
  }
  std::vector<Candidate> all = candidates(product, places);
  if (all.empty())
    return false;
  product.algorithm = all.front().algorithm;
  if (all.size() == 1 || !cache.keeps() || !canRepeat(product.d, places))
    return true;
  double best = std::numeric_limits<double>::infinity();
  for (const Candidate &candidate : all)
    if (double seconds = measure(product, candidate.algorithm, places, stream); seconds < best) {
      best = seconds;
      product.algorithm = candidate.algorithm;
    }
  cache.add(key, product.algorithm);
  return true;
}
