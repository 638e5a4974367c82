//===- DeviceGemm.h - products on a GPU through cuBLASLt ------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The library sees columns where the ABI says rows: C[m,n] in rows is the
// matrix [n,m] in columns, so the product is asked for as C' = op(B)' op(A)',
// with the ABI's B as the library's A.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CUDA_DEVICEGEMM_H
#define JEPA_RUNTIME_CUDA_DEVICEGEMM_H

#include "runtime/cuda/AlgorithmCache.h"
#include "runtime/cuda/Device.h"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace jepa::rt::cuda {

/// Where a product's matrices are, in device memory; null where its description has no use for one.
struct ProductPlaces {
  void *c;
  const void *a, *b;
  void *bias, *aux;
  const float *scaleA, *scaleB;
  void *workspace;
};

/// Products, each prepared once for a description and its matrices' alignment.
/// The algorithm is the fastest of those that the library proposes, measured
/// when a product is first met and kept in the cache: results are the same bits
/// in every run that finds it there. Where nothing can be kept it is the
/// library's first proposal, which does not vary either.
///
/// Where the library has no algorithm that also sums up a bias' gradient, the
/// product is run without, and the sums are a product of their own: of ones, which
/// lie in the workspace, and the matrix.
class DeviceGemm {
public:
  /// Opens the library; throws Error.
  DeviceGemm(Device &device, AlgorithmCache cache);
  ~DeviceGemm();
  DeviceGemm(const DeviceGemm &) = delete;
  DeviceGemm &operator=(const DeviceGemm &) = delete;

  /// Puts a product into the stream. One that is met for the first time may
  /// write its results several times over, and waits for the device: not to be
  /// captured.
  void run(const jepac_device_gemm_desc &d, const ProductPlaces &places, Stream stream);

  /// "a product of 64 x 32 x 16 nt in bf16, epilogue 1", for messages.
  static std::string describe(const jepac_device_gemm_desc &d);

  /// Keeps what was chosen since the last time.
  void save() { cache.save(); }

private:
  struct Product;
  void sumColumns(const jepac_device_gemm_desc &d, const ProductPlaces &places, Stream stream);
  Product &prepare(const jepac_device_gemm_desc &d, const ProductPlaces &places, Stream stream);
  bool choose(Product &product, const ProductPlaces &places, const std::string &key, Stream stream);
  std::vector<lt::Candidate> candidates(const Product &product, const ProductPlaces &places) const;
  void multiply(const Product &product, const lt::Algorithm &algorithm, const ProductPlaces &places,
                Stream stream) const;
  double measure(const Product &product, const lt::Algorithm &algorithm, const ProductPlaces &places,
                 Stream stream) const;

  Device &device;
  const lt::Library &library;
  lt::Handle handle = nullptr;
  AlgorithmCache cache;
  std::string prefix; ///< of keys: the GPU and the library's version
  std::unordered_map<std::string, std::unique_ptr<Product>> products;
};

} // namespace jepa::rt::cuda

#endif // JEPA_RUNTIME_CUDA_DEVICEGEMM_H
