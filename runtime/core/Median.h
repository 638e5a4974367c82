//===- Median.h - the middle of some numbers ------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_MEDIAN_H
#define JEPA_RUNTIME_CORE_MEDIAN_H

#include <algorithm>
#include <cstddef>
#include <vector>

namespace jepa::rt {

/// The median, of two the larger; 0 of none.
template <class T> T median(std::vector<T> values) {
  if (values.empty())
    return 0;
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_MEDIAN_H
