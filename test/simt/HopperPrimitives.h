//===- HopperPrimitives.h - sm_90a's primitives on the host ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_SIMT_HOPPERPRIMITIVES_H
#define JEPA_TEST_SIMT_HOPPERPRIMITIVES_H
#endif // JEPA_TEST_SIMT_HOPPERPRIMITIVES_H
