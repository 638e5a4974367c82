//===- JepaOps.td - every op of the dialect -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

include "JepaTokenOps.td"
include "JepaFusionOps.td"
include "JepaLayerOps.td"
include "JepaLossOps.td"
include "JepaAdjointOps.td"
include "JepaKernelOps.td"
include "JepaDeviceOps.td"
