//===- Progress.h - how long work is going -------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_IO_PROGRESS_H
#define JEPA_RUNTIME_IO_PROGRESS_H

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace jepa::rt {

/// "1.23 GFLOP" for 1.23e9 of the unit "FLOP", with three digits.
std::string withUnit(double value, const std::string &unit);
/// "1.2 GiB".
std::string bytesText(double bytes);
/// "2:05" or "1:02:05".
std::string durationText(double seconds);

/// Bytes of memory that the process has in use now, or 0 where unknown.
std::int64_t residentBytes();
/// The most that it ever had.
std::int64_t peakResidentBytes();

/// Shows how far work is: a bar that redraws itself on a terminal, and in a log
/// one plain line now and then.
class Progress {
public:
  /// `done` of `total` are behind us when the work begins (a resumed run).
  Progress(std::FILE *stream, std::string what, std::int64_t done, std::int64_t total);
  ~Progress();

  /// Shows that `done` of the total are behind us, and `details`.
  void update(std::int64_t done, const std::string &details);

  /// Prints a line of its own between two states of the bar.
  void note(const std::string &line);

  /// Ends the bar's line; what it last showed stays.
  void finish();

private:
  using Clock = std::chrono::steady_clock;

  bool due(std::int64_t done) const;
  void draw(std::int64_t done, const std::string &details);

  std::FILE *stream;
  std::string what;
  std::int64_t first, total;
  bool terminal;
  bool open = false; ///< the cursor stands behind an unfinished bar
  Clock::time_point begin, last;
  std::int64_t lastDone = -1;
  std::string pending; ///< details of an update that was not due
  std::int64_t pendingDone = -1;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_IO_PROGRESS_H
