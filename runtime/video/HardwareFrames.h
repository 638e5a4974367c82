//===- HardwareFrames.h - frames that a device has decoded ----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Private to runtime/video: what is FFmpeg's alone, and needs no device.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_HARDWAREFRAMES_H
#define JEPA_RUNTIME_VIDEO_HARDWAREFRAMES_H

#include "runtime/video/FFmpeg.h"

#if JEPAC_WITH_FFMPEG

namespace jepa::rt {

/// FFmpeg's own decoder of a codec that leaves the work to a device of that
/// type; null where there is none. It is not always the one that decodes on the
/// CPU: AV1's decodes nothing by itself.
const AVCodec *hardwareCodec(AVCodecID id, AVHWDeviceType type);

/// Makes `planar` of `format` from what a device gives, samples of luma and
/// interleaved samples of chroma in the upper bits of 8 or 16 (NV12, P010,
/// P016, ...): the same samples, so the frame that the CPU would have decoded.
/// False where `format` is no planes of samples or `frame` does not hold all of
/// its bits and its chroma, or memory is out.
bool unpackFrame(AVFrame &planar, const AVFrame &frame, AVPixelFormat format);

} // namespace jepa::rt

#endif // JEPAC_WITH_FFMPEG

#endif // JEPA_RUNTIME_VIDEO_HARDWAREFRAMES_H
