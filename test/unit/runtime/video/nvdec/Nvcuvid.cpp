//===- Nvcuvid.cpp - libnvcuvid.so.1, for videos of known pictures --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Takes H.264, HEVC and VP9 of 4:2:0, HEVC of 8 and 10 bits. It reads from a
// picture's parameters where it stands in the order of display (of VP9, counts
// on from the last key frame), and "decodes" what Picture.h says is there, into
// surfaces of NV12 or P010.
// JEPAC_FAKE_NVDEC=decode fails each picture, JEPAC_FAKE_NVDEC=decode-some each
// seventh.
//
//===----------------------------------------------------------------------===//
#include "test/unit/runtime/video/nvdec/Picture.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

using jepa::rt::pictureSample;

namespace {

enum Result { Success = 0, InvalidValue = 1, Failed = 700, NotSupported = 801 };
enum Codec { H264 = 4, Hevc = 8, Vp9 = 10 };
constexpr int chroma420 = 1;

/// CUVIDDECODECAPS.
struct Caps {
  int codec, chroma;
  unsigned bitsBeyond8, reserved[3];
  unsigned char supported, reserved2[3];
  unsigned mostWidth, mostHeight, mostBlocks;
  unsigned short leastWidth, leastHeight;
  unsigned reserved3[11];
};

/// CUVIDDECODECREATEINFO, up to what is used.
struct CreateInfo {
  unsigned long width, height, decodeSurfaces;
  int codec, chroma;
  unsigned long flags, bitsBeyond8, intraOnly, mostWidth, mostHeight, reserved;
  short displayArea[4];
  int outputFormat, deinterlacing;
  unsigned long targetWidth, targetHeight, outputSurfaces;
};

/// CUVIDPICPARAMS, of its last part what tells the order of display: fields of H.264, frames of HEVC, flags of VP9.
struct PictureParameters {
  int widthInBlocks, heightInBlocks, index, isField, isBottom, isSecond;
  unsigned bytes;
  const unsigned char *data;
  unsigned slices;
  const unsigned *offsets;
  int isReference, isIntra;
  unsigned reserved[30];
  union {
    struct {
      std::byte before[96];
      int fieldOrder[2];
    } h264;
    struct {
      std::byte before[248];
      int order;
    } hevc;
    struct {
      std::byte before[12];
      unsigned short flags;
      bool isKey() const { return !(flags >> 5 & 1); }
    } vp9;
  };
};
static_assert(offsetof(PictureParameters, h264) == 184);

struct Decoder {
  CreateInfo info;
  std::mutex mutex;
  int latest;                ///< order of the last picture
  std::map<int, int> orders; ///< of the pictures that the surfaces hold
  std::map<std::uintptr_t, std::vector<std::byte>> mapped;
};

std::atomic<int> pictures = 0, asked = 0;

bool isTaken(int codec, int chroma, unsigned long bitsBeyond8) {
  bool known = bitsBeyond8 == 0 ? codec == H264 || codec == Hevc || codec == Vp9 : bitsBeyond8 == 2 && codec == Hevc;
  return known && chroma == chroma420;
}

template <class Sample>
void draw(std::vector<std::byte> &surface, const CreateInfo &info, std::size_t pitch, int order) {
  int bits = 8 + static_cast<int>(info.bitsBeyond8), shift = static_cast<int>(sizeof(Sample)) * 8 - bits;
  // Surfaces are of even sizes.
  int width = static_cast<int>(info.width + 1) / 2 * 2, height = static_cast<int>(info.height + 1) / 2 * 2;
  auto at = [&](int row, int column) -> Sample & {
    return reinterpret_cast<Sample *>(surface.data() + static_cast<std::size_t>(row) * pitch)[column];
  };
  auto sample = [&](int c, int x, int y) { return static_cast<Sample>(pictureSample(c, x, y, order, bits) << shift); };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      at(y, x) = sample(0, x, y);
  for (int y = 0; y < height / 2; ++y)
    for (int x = 0; x < width / 2; ++x)
      for (int c = 0; c < 2; ++c)
        at(height + y, 2 * x + c) = sample(1 + c, x, y);
}

} // namespace

extern "C" {

int jepa_fake_pictures() { return pictures; }

int cuvidGetDecoderCaps(Caps *caps) {
  caps->supported = isTaken(caps->codec, caps->chroma, caps->bitsBeyond8);
  caps->mostWidth = caps->mostHeight = caps->supported ? 4096 : 0;
  caps->mostBlocks = caps->supported ? 65536 : 0;
  caps->leastWidth = caps->leastHeight = caps->supported ? 48 : 0;
  return Success;
}

int cuvidCreateDecoder(Decoder **decoder, const CreateInfo *info) {
  if (!isTaken(info->codec, info->chroma, info->bitsBeyond8))
    return NotSupported;
  *decoder = new Decoder{*info, {}, 0, {}, {}};
  return Success;
}

int cuvidDestroyDecoder(Decoder *decoder) {
  int result = decoder->mapped.empty() ? Success : InvalidValue;
  delete decoder;
  return result;
}

int cuvidDecodePicture(Decoder *decoder, const PictureParameters *picture) {
  const char *set = std::getenv("JEPAC_FAKE_NVDEC");
  std::string_view fault = set ? set : "";
  if (fault == "decode" || (fault == "decode-some" && ++asked % 7 == 0))
    return Failed;
  if (picture->isField || picture->index < 0 ||
      static_cast<unsigned long>(picture->index) >= decoder->info.decodeSurfaces)
    return InvalidValue;
  std::lock_guard lock(decoder->mutex);
  int codec = decoder->info.codec, next = picture->vp9.isKey() ? 0 : decoder->latest + 1;
  decoder->latest = codec == H264 ? picture->h264.fieldOrder[0] / 2 : codec == Hevc ? picture->hevc.order : next;
  decoder->orders[picture->index] = decoder->latest;
  ++pictures;
  return Success;
}

int cuvidMapVideoFrame64(Decoder *decoder, int index, unsigned long long *device, unsigned *pitch, void *) {
  std::lock_guard lock(decoder->mutex);
  if (!decoder->orders.count(index) || decoder->mapped.size() >= decoder->info.outputSurfaces)
    return InvalidValue;
  std::size_t sampleBytes = decoder->info.outputFormat ? 2 : 1;
  *pitch = static_cast<unsigned>((decoder->info.width * sampleBytes + 511) / 512 * 512);
  std::vector<std::byte> surface(*pitch * ((decoder->info.height + 1) / 2 * 3));
  int order = decoder->orders[index];
  sampleBytes == 2 ? draw<std::uint16_t>(surface, decoder->info, *pitch, order)
                   : draw<std::uint8_t>(surface, decoder->info, *pitch, order);
  auto address = reinterpret_cast<std::uintptr_t>(surface.data());
  decoder->mapped.emplace(address, std::move(surface));
  *device = address;
  return Success;
}

int cuvidUnmapVideoFrame64(Decoder *decoder, unsigned long long device) {
  std::lock_guard lock(decoder->mutex);
  return decoder->mapped.erase(static_cast<std::uintptr_t>(device)) ? Success : InvalidValue;
}

// FFmpeg looks for these, too, and calls them for other work.
#define JEPA_UNUSED(name)                                                                                              \
  int name() { return NotSupported; }
JEPA_UNUSED(cuvidGetDecodeStatus)
JEPA_UNUSED(cuvidReconfigureDecoder)
JEPA_UNUSED(cuvidCtxLockCreate)
JEPA_UNUSED(cuvidCtxLockDestroy)
JEPA_UNUSED(cuvidCtxLock)
JEPA_UNUSED(cuvidCtxUnlock)
JEPA_UNUSED(cuvidCreateVideoSource)
JEPA_UNUSED(cuvidCreateVideoSourceW)
JEPA_UNUSED(cuvidDestroyVideoSource)
JEPA_UNUSED(cuvidSetVideoSourceState)
JEPA_UNUSED(cuvidGetVideoSourceState)
JEPA_UNUSED(cuvidGetSourceVideoFormat)
JEPA_UNUSED(cuvidGetSourceAudioFormat)
JEPA_UNUSED(cuvidCreateVideoParser)
JEPA_UNUSED(cuvidParseVideoData)
JEPA_UNUSED(cuvidDestroyVideoParser)

} // extern "C"
