//===- Font.h - a face of 5x7 dots ----------------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_FONT_H
#define JEPA_RUNTIME_VIDEO_FONT_H

namespace jepa::rt {

/// Whether the character has a dot at (x, y), 0 <= x < 5, 0 <= y < 7. Characters
/// outside printable ASCII look like '?'.
bool fontDot(char character, int x, int y);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_FONT_H
