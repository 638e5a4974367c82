//===- TensorBoard.h - scalar event files --------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// An event file is a sequence of records: u64 length, masked CRC-32C of the
// length, the payload, masked CRC-32C of the payload. The payload is an Event
// message, encoded here by hand: the handful of fields that scalars need is
// not worth a protobuf library.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_IO_TENSORBOARD_H
#define JEPA_RUNTIME_IO_TENSORBOARD_H

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace jepa::rt {

/// Writes one event file into a folder.
class TensorBoardWriter {
public:
  /// Opens a new file in `folder`, which exists. `firstStep` is said to
  /// viewers as a restart: they drop what an earlier, killed run logged beyond
  /// it. Throws when the file cannot be made.
  TensorBoardWriter(const std::filesystem::path &folder, std::int64_t firstStep);

  /// One event with all `scalars` (tag, value) of a step. Throws when the
  /// record cannot be written.
  void add(std::int64_t step, const std::vector<std::pair<std::string, double>> &scalars);

  const std::filesystem::path &path() const { return filePath; }

private:
  void writeRecord(const std::string &payload);

  std::filesystem::path filePath;
  std::ofstream stream;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_IO_TENSORBOARD_H
