//===- Picture.h - the videos that the stand-in for NVDEC knows -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_UNIT_RUNTIME_VIDEO_NVDEC_PICTURE_H
#define JEPA_TEST_UNIT_RUNTIME_VIDEO_NVDEC_PICTURE_H

namespace jepa::rt {

/// Sample (x, y) of component 0 (luma) to 2 of a frame, `order` frames after its key frame; within the limited range.
inline int pictureSample(int component, int x, int y, int order, int bits) {
  constexpr int acrossOf[] = {3, 7, 2}, downOf[] = {5, 2, 9}, laterOf[] = {11, 13, 17};
  int level = 16 + (acrossOf[component] * x + downOf[component] * y + laterOf[component] * order) % 220;
  return (level << (bits - 8)) + (x + y + order) % (1 << (bits - 8));
}

} // namespace jepa::rt

/// What a test asks the stand-in, beside the driver's own functions.
extern "C" {
int jepa_fake_contexts(void); ///< made so far; of libcuda.so.1
int jepa_fake_pictures(void); ///< decoded so far; of libnvcuvid.so.1
}

#endif // JEPA_TEST_UNIT_RUNTIME_VIDEO_NVDEC_PICTURE_H
