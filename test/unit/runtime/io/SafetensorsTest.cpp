//===- SafetensorsTest.cpp - reading, writing and refusing files ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/Safetensors.h"

#include "TempFolder.h"
#include "runtime/io/Elements.h"

#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>
#include <sys/resource.h>

using namespace jepa::rt;
using namespace jepa::rt::test;

/// A file with this header, `data` bytes of data, and perhaps a lie about the
/// header's length.
static std::string fileWith(const TempFolder &folder, const std::string &header, std::size_t data,
                            std::int64_t claimed = -1) {
  std::uint64_t size = claimed < 0 ? header.size() : static_cast<std::uint64_t>(claimed);
  std::string bytes(reinterpret_cast<const char *>(&size), 8);
  std::string path = folder / "hostile.safetensors";
  writeBytes(path, bytes + header + std::string(data, '\1'));
  return path;
}

TEST(Safetensors, WritesWhatItReads) {
  TempFolder folder;
  std::string path = folder / "a.safetensors";
  std::vector<float> floats = {1.5F, -2, 3, 4, 5, 6};
  std::vector<double> doubles = {0.1, 1e300};
  std::vector<std::int32_t> ints = {-7};
  std::vector<std::string> names = {"weights \"quoted\"", "d", "i", "none"};
  std::size_t room = 100;
  for (const std::string &name : names)
    room += SafetensorsWriter::headerBytesFor(name);
  SafetensorsWriter writer(path, room);
  writer.add(names[0], DType::F32, {2, 3}, floats.data());
  writer.add(names[1], DType::F64, {2}, doubles.data());
  writer.add(names[2], DType::I32, {}, ints.data());
  writer.add(names[3], DType::F32, {0, 4}, nullptr);
  EXPECT_FALSE(std::filesystem::exists(path));
  std::uint32_t checksum = writer.checksum();
  writer.finish({{"step", "12"}, {"text", "two\nlines"}});
  EXPECT_EQ(folder.count(), 1);

  SafetensorsReader reader(path);
  ASSERT_EQ(reader.tensors().size(), 4U);
  EXPECT_EQ(reader.checksum(), checksum);
  ASSERT_NE(reader.metadata("step"), nullptr);
  EXPECT_EQ(*reader.metadata("step"), "12");
  EXPECT_EQ(*reader.metadata("text"), "two\nlines");
  EXPECT_EQ(reader.metadata("absent"), nullptr);
  std::vector<double> widened(6);
  reader.readShaped(names[0], {2, 3}, DType::F64, widened.data());
  EXPECT_EQ(widened, std::vector<double>(floats.begin(), floats.end()));
  std::vector<double> again(2);
  reader.read(reader.at("d"), DType::F64, again.data());
  EXPECT_EQ(again, doubles);
  std::int32_t scalar = 0;
  reader.readShaped("i", {}, DType::I32, &scalar);
  EXPECT_EQ(scalar, -7);
  EXPECT_EQ(reader.at("none").elements, 0);
}

TEST(Safetensors, ConvertsEveryTypeItKnows) {
  TempFolder folder;
  // 1.5 in F16 and BF16, the smallest half, U8, I64.
  std::string data;
  auto append = [&](auto value) {
    data.append(reinterpret_cast<const char *>(&value), sizeof(value));
  };
  append(std::uint16_t(0x3e00));
  append(std::uint16_t(0x0001));
  append(std::uint16_t(0xfc00));
  append(std::uint16_t(0x3fc0));
  append(std::uint8_t(200));
  append(std::uint8_t(3));
  append(std::int64_t(1) << 40);
  std::string header = R"({"h":{"dtype":"F16","shape":[3],"data_offsets":[0,6]},)"
                       R"("b":{"dtype":"BF16","shape":[1],"data_offsets":[6,8]},)"
                       R"("u":{"dtype":"U8","shape":[2],"data_offsets":[8,10]},)"
                       R"("l":{"dtype":"I64","shape":[1],"data_offsets":[10,18]}})";
  std::uint64_t size = header.size();
  std::string path = folder / "types.safetensors";
  writeBytes(path, std::string(reinterpret_cast<const char *>(&size), 8) + header + data);
  SafetensorsReader reader(path);
  std::vector<float> values(3);
  reader.read(reader.at("h"), DType::F32, values.data());
  EXPECT_EQ(values[0], 1.5F);
  EXPECT_EQ(values[1], std::ldexp(1.0F, -24));
  EXPECT_EQ(values[2], -std::numeric_limits<float>::infinity());
  reader.read(reader.at("b"), DType::F32, values.data());
  EXPECT_EQ(values[0], 1.5F);
  reader.read(reader.at("u"), DType::F32, values.data());
  EXPECT_EQ(values[0], 200);
  double wide = 0;
  reader.read(reader.at("l"), DType::F64, &wide);
  EXPECT_EQ(wide, std::ldexp(1.0, 40));
  std::int32_t narrow = 0;
  EXPECT_HAS(errorOf([&] { reader.read(reader.at("l"), DType::I32, &narrow); }),
             "tensor 'l' element 0 is no 32-bit whole number");
}

TEST(Safetensors, HalvesAreExact) {
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
    double fraction = bits & 1023, exponent = bits >> 10;
    double expected =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, int(exponent) - 25);
    ASSERT_EQ(halfToFloat(static_cast<std::uint16_t>(bits)), expected) << bits;
    ASSERT_EQ(halfToFloat(static_cast<std::uint16_t>(bits | 0x8000)), -expected) << bits;
  }
  EXPECT_TRUE(std::isnan(halfToFloat(0x7e00)));
}

struct HostileCase {
  const char *name;
  std::string header;
  std::size_t data;
  std::int64_t claimed;
  const char *message;
};

class HostileSafetensors : public testing::TestWithParam<HostileCase> {};

TEST_P(HostileSafetensors, IsRefusedInOneLine) {
  TempFolder folder;
  std::string path = fileWith(folder, GetParam().header, GetParam().data, GetParam().claimed);
  std::string error = errorOf([&] { SafetensorsReader reader(path); });
  EXPECT_HAS(error, GetParam().message);
  EXPECT_HAS(error, "hostile.safetensors");
}

static std::string tensor(const char *name, const char *dtype, const char *shape,
                          const char *offsets) {
  return "\"" + std::string(name) + R"(":{"dtype":)" + dtype + R"(,"shape":)" + shape +
         R"(,"data_offsets":)" + offsets + "}";
}

INSTANTIATE_TEST_SUITE_P(
    Cases, HostileSafetensors,
    testing::Values(
        HostileCase{"header_beyond_file", "{}", 0, 1000, "beyond the file's 10 bytes"},
        HostileCase{"header_wraps", "{}", 0, std::numeric_limits<std::int64_t>::max(),
                    "beyond the file's"},
        HostileCase{"not_json", "{nonsense", 0, -1, "no valid JSON"},
        HostileCase{"not_object", "[1,2]", 0, -1, "the header is no JSON object"},
        HostileCase{"entry_no_object", R"({"w":5})", 0, -1, "tensor 'w' has no 'dtype'"},
        HostileCase{"bad_dtype", "{" + tensor("w", "\"F33\"", "[1]", "[0,4]") + "}", 4, -1,
                    "tensor 'w' has the unknown dtype \"F33\""},
        HostileCase{"dtype_no_string", "{" + tensor("w", "7", "[1]", "[0,4]") + "}", 4, -1,
                    "unknown dtype 7"},
        HostileCase{"negative_size", "{" + tensor("w", "\"F32\"", "[-1]", "[0,4]") + "}", 4, -1,
                    "negative size"},
        HostileCase{"fractional_size", "{" + tensor("w", "\"F32\"", "[1.5]", "[0,4]") + "}", 4, -1,
                    "'shape' is no list of whole numbers"},
        HostileCase{"overflow",
                    "{" + tensor("w", "\"F32\"", "[4294967296,4294967296,4]", "[0,4]") + "}", 4, -1,
                    "impossible shape [4294967296, 4294967296, 4]"},
        HostileCase{"size_mismatch", "{" + tensor("w", "\"F32\"", "[2]", "[0,4]") + "}", 4, -1,
                    "has 4 bytes, but F32 [2] takes 8"},
        HostileCase{"out_of_range", "{" + tensor("w", "\"F32\"", "[2]", "[0,8]") + "}", 4, -1,
                    "ends at byte 8 of the data, which has 4"},
        HostileCase{"reversed", "{" + tensor("w", "\"F32\"", "[1]", "[4,0]") + "}", 4, -1,
                    "no pair of begin and end"},
        HostileCase{"overlap",
                    "{" + tensor("a", "\"F32\"", "[2]", "[0,8]") + "," +
                        tensor("b", "\"F32\"", "[2]", "[4,12]") + "}",
                    12, -1, "tensor 'b' overlaps tensor 'a'"},
        HostileCase{"hole", "{" + tensor("a", "\"F32\"", "[1]", "[4,8]") + "}", 8, -1,
                    "begins at byte 4"},
        HostileCase{"trailing", "{" + tensor("a", "\"F32\"", "[1]", "[0,4]") + "}", 9, -1,
                    "its tensors take 4"},
        HostileCase{"duplicate",
                    "{" + tensor("a", "\"F32\"", "[1]", "[0,4]") + "," +
                        tensor("a", "\"F32\"", "[1]", "[0,4]") + "}",
                    4, -1, "duplicate key 'a'"},
        HostileCase{"metadata", R"({"__metadata__":{"k":1}})", 0, -1,
                    "the metadata 'k' is no string"},
        HostileCase{"newline_in_name", "{" + tensor("a\\nb", "\"F99\"", "[1]", "[0,4]") + "}", 4,
                    -1, "tensor 'a?b' has the unknown dtype"}),
    [](const auto &info) { return info.param.name; });

TEST(Safetensors, RefusesShortMissingAndStrangeFiles) {
  TempFolder folder;
  writeBytes(folder / "short", "abc");
  EXPECT_HAS(errorOf([&] { SafetensorsReader reader(folder / "short"); }),
             "is no safetensors file");
  EXPECT_HAS(errorOf([&] { SafetensorsReader reader(folder / "missing"); }), "No such file");
  EXPECT_HAS(errorOf([&] { SafetensorsReader reader(folder.path.string()); }),
             "not a regular file");
}

TEST(Safetensors, NamesMissingAndMisshapedTensors) {
  TempFolder folder;
  SafetensorsReader reader(
      fileWith(folder, "{" + tensor("w", "\"F32\"", "[1,2]", "[0,8]") + "}", 8));
  float values[2];
  EXPECT_HAS(errorOf([&] { reader.readShaped("v", {2}, DType::F32, values); }),
             "has no tensor 'v'");
  EXPECT_HAS(errorOf([&] { reader.readShaped("w", {2}, DType::F32, values); }),
             "tensor 'w' has shape [1, 2], expected [2]");
}

TEST(AtomicFile, AFullDiskLeavesTheOldFile) {
  TempFolder folder;
  std::string path = folder / "old";
  writeBytes(path, "old");
  // A limit on file sizes fails as a full disk does: in the middle of a write.
  struct rlimit before, limit;
  getrlimit(RLIMIT_FSIZE, &before);
  limit = before;
  limit.rlim_cur = 4096;
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &limit);
  std::string error = errorOf([&] { writeFileAtomically(path, std::string(10000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_HAS(error, "cannot write '");
  EXPECT_EQ(readBytes(path), "old");
  EXPECT_EQ(folder.count(), 1);
}

TEST(AtomicFile, RefusesDevicesAndFolders) {
  EXPECT_HAS(errorOf([] { AtomicFile file("/dev/null"); }), "not a regular file");
  TempFolder folder;
  EXPECT_HAS(errorOf([&] { AtomicFile file(folder.path); }), "not a regular file");
  EXPECT_HAS(errorOf([&] { AtomicFile file(folder / "no/such/folder"); }), "No such file");
}

TEST(AtomicFile, WritesThroughALink) {
  TempFolder folder;
  writeBytes(folder / "file", "old");
  std::filesystem::create_symlink("file", folder / "link");
  writeFileAtomically(folder / "link", "new");
  EXPECT_EQ(readBytes(folder / "file"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
}

TEST(AtomicFile, AFolderThatCannotBeMadeIsNamed) {
  TempFolder folder;
  writeBytes(folder / "file", "x");
  EXPECT_HAS(errorOf([&] { requireWritableFolder(folder / "file", "checkpoint folder"); }),
             "cannot make the checkpoint folder");
  EXPECT_HAS(errorOf([&] { requireWritableFolder(folder / "file/below", "checkpoint folder"); }),
             "choose another folder");
  requireWritableFolder(folder / "a/b", "checkpoint folder");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b"));
}
