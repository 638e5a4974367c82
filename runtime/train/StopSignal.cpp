//===- StopSignal.cpp - ending cleanly on Ctrl-C -------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/StopSignal.h"

using namespace jepa::rt;

static volatile std::sig_atomic_t stopRequested = 0;

static void requestStop(int) { stopRequested = 1; }

StopSignal::StopSignal() {
  stopRequested = 0;
  struct sigaction action {};
  action.sa_handler = requestStop;
  // A second signal finds the default action again; reads are not interrupted.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, &oldInterrupt);
  sigaction(SIGTERM, &action, &oldTerminate);
}

StopSignal::~StopSignal() {
  sigaction(SIGINT, &oldInterrupt, nullptr);
  sigaction(SIGTERM, &oldTerminate, nullptr);
}

bool StopSignal::requested() { return stopRequested != 0; }
