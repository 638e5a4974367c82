//===- Progress.cpp - how long work is going -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/Progress.h"

#include <algorithm>
#include <fstream>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace jepa::rt;

/// A terminal is redrawn ten times a second, a log gets a line every ten
/// seconds and about twenty in all.
static constexpr std::chrono::milliseconds terminalPeriod(100);
static constexpr std::chrono::seconds logPeriod(10);
static constexpr std::int64_t logLines = 20;
static constexpr int barWidth = 20;

static std::string format(const char *pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, value);
  return text;
}

std::string jepa::rt::withUnit(double value, const std::string &unit) {
  static constexpr const char *prefixes[] = {" ", " k", " M", " G", " T", " P"};
  std::size_t prefix = 0;
  for (; value >= 999.5 && prefix + 1 < std::size(prefixes); ++prefix)
    value /= 1000;
  return format(value < 9.995   ? "%.2f"
                : value < 99.95 ? "%.1f"
                                : "%.0f",
                value) +
         prefixes[prefix] + unit;
}

std::string jepa::rt::bytesText(double bytes) {
  static constexpr const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1023.5 && unit + 1 < std::size(units); ++unit)
    bytes /= 1024;
  return format(unit == 0 || bytes >= 99.95 ? "%.0f " : "%.1f ", bytes) + units[unit];
}

std::string jepa::rt::durationText(double seconds) {
  auto total = static_cast<long long>(std::clamp(seconds, 0.0, 1e9));
  char text[64];
  if (total >= 3600)
    std::snprintf(text, sizeof(text), "%lld:%02lld:%02lld", total / 3600, total / 60 % 60,
                  total % 60);
  else
    std::snprintf(text, sizeof(text), "%lld:%02lld", total / 60, total % 60);
  return text;
}

std::int64_t jepa::rt::residentBytes() {
  std::ifstream stream("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  stream >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

std::int64_t jepa::rt::peakResidentBytes() {
  // VmHWM can be reset (clear_refs), ru_maxrss cannot; both count what we want.
  std::ifstream stream("/proc/self/status");
  for (std::string line; std::getline(stream, line);)
    if (line.rfind("VmHWM:", 0) == 0)
      return std::stoll(line.substr(6)) * 1024;
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

Progress::Progress(std::FILE *stream, std::string what, std::int64_t done, std::int64_t total)
    : stream(stream), what(std::move(what)), first(done), total(total),
      terminal(isatty(fileno(stream)) != 0), begin(Clock::now()), last(begin) {}

Progress::~Progress() { finish(); }

bool Progress::due(std::int64_t done) const {
  if (done >= total || lastDone < 0)
    return true;
  if (terminal)
    return Clock::now() - last >= terminalPeriod;
  return Clock::now() - last >= logPeriod || (done - lastDone) * logLines >= total;
}

void Progress::update(std::int64_t done, const std::string &details) {
  pending = details;
  pendingDone = done;
  if (due(done))
    draw(done, details);
}

void Progress::draw(std::int64_t done, const std::string &details) {
  double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  std::string count = std::to_string(done) + "/" + std::to_string(total);
  std::string left = "left ?";
  if (done > first)
    left = "left " + durationText(elapsed / static_cast<double>(done - first) *
                                  static_cast<double>(total - done));
  std::string tail = details + (details.empty() ? "" : "  ") + left;
  if (terminal) {
    int filled = total > 0 ? static_cast<int>(barWidth * done / total) : barWidth;
    std::string bar(static_cast<std::size_t>(filled), '#');
    bar.resize(barWidth, '.');
    std::string line = what + " [" + bar + "] " + count + "  " + tail;
    // A line that wraps could not be redrawn in place.
    struct winsize size {};
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
      line.resize(std::min<std::size_t>(line.size(), size.ws_col - 1U));
    std::fprintf(stream, "\r\033[K%s", line.c_str());
    open = true;
  } else {
    std::fprintf(stream, "%s %s  %s\n", what.c_str(), count.c_str(), tail.c_str());
  }
  std::fflush(stream);
  last = Clock::now();
  lastDone = done;
}

void Progress::note(const std::string &line) {
  std::fprintf(stream, "%s%s\n", open ? "\r\033[K" : "", line.c_str());
  std::fflush(stream);
  open = false;
}

void Progress::finish() {
  // The last state is always shown, also when it was not due.
  if (pendingDone > lastDone)
    draw(pendingDone, pending);
  pendingDone = -1;
  if (open)
    std::fprintf(stream, "\n");
  std::fflush(stream);
  open = false;
}
