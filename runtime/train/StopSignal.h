//===- StopSignal.h - ending cleanly on Ctrl-C ---------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_STOPSIGNAL_H
#define JEPA_RUNTIME_TRAIN_STOPSIGNAL_H

#include <csignal>

namespace jepa::rt {

/// While it lives, SIGINT and SIGTERM ask for an end instead of killing. The
/// second one kills as usual. One object at a time.
class StopSignal {
public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal &) = delete;
  StopSignal &operator=(const StopSignal &) = delete;

  static bool requested();

private:
  struct sigaction oldInterrupt, oldTerminate;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_STOPSIGNAL_H
