//===- PayloadTest.cpp - writing, finding and loading payloads ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Payload.h"
#include "runtime/core/Error.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

using namespace jepa::rt;
namespace fs = std::filesystem;

namespace {

std::string readFile(const fs::path &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class Payload : public testing::Test {
protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "payload-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
    write("base", "just any bytes");
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string at(const char *name) const { return (folder / name).string(); }
  void write(const char *name, std::string_view bytes) const {
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
  /// The error that finding and loading the payload of `bytes` gives.
  std::string errorOf(std::string_view bytes) const {
    write("broken", bytes);
    try {
      auto place = findPayload(at("broken"));
      if (!place)
        return "none";
      loadCode(at("broken"), *place);
      return "";
    } catch (const Error &error) {
      return error.what();
    }
  }

  fs::path folder;
};

TEST_F(Payload, RunsFromTheEndOfAFile) {
  appendPayload(at("base"), readFile(JEPAC_TEST_CODE), "{\"plan\":1}", at("artifact"));
  EXPECT_EQ(fs::status(at("artifact")).permissions(), fs::perms(0755));
  auto place = findPayload(at("artifact"));
  ASSERT_TRUE(place);
  EXPECT_EQ(readPlanText(at("artifact"), *place), "{\"plan\":1}");
  std::vector<std::int64_t> arena(1000, -1);
  loadCode(at("artifact"), *place).run(arena.data());
  for (std::int64_t i = 0; i < 1000; ++i)
    ASSERT_EQ(arena[static_cast<std::size_t>(i)], i * i);
}

TEST_F(Payload, ReplacesThePayloadOfItsBase) {
  appendPayload(at("base"), "code one", "plan one", at("first"));
  appendPayload(at("first"), "code", "plan", at("second"));
  EXPECT_EQ(readFile(at("second")).substr(0, 22), "just any bytescodeplan");
}

TEST_F(Payload, IsAbsentFromOrdinaryFiles) {
  EXPECT_FALSE(findPayload(at("base")));
  EXPECT_FALSE(findPayload(selfPath));
  EXPECT_THROW(findPayload(at("missing")), Error);
}

TEST_F(Payload, RefusesDamage) {
  appendPayload(at("base"), readFile(JEPAC_TEST_CODE), "{}", at("good"));
  std::string good = readFile(at("good"));
  EXPECT_EQ(errorOf(good.substr(0, good.size() - 1)), "none");
  EXPECT_NE(errorOf(good.substr(good.size() - 40)), "none") << "the footer alone";
  for (std::size_t field = 0; field < 4; ++field)
    for (std::uint64_t value : {UINT64_MAX, UINT64_MAX - 40, std::uint64_t(0),
                                std::uint64_t(1) << 40, std::uint64_t(good.size())}) {
      std::string broken = good;
      std::memcpy(&broken[broken.size() - 40 + field * 8], &value, 8);
      EXPECT_NE(errorOf(broken).find("damaged"), std::string::npos) << field << " " << value;
    }
  EXPECT_NE(errorOf(good.substr(0, 100) + good.substr(200)), "") << "a part is missing";
}

TEST_F(Payload, RefusesCodeThatCannotRun) {
  for (std::string code :
       {std::string("x"), std::string(100, 'x'), "\177ELF" + std::string(60, '\0'),
        readFile(JEPAC_TEST_CODE).substr(0, 64)}) {
    appendPayload(at("base"), code, "{}", at("artifact"));
    std::string error = errorOf(readFile(at("artifact")));
    EXPECT_NE(error, "");
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }
}

TEST_F(Payload, SaysWhereItCouldNotWrite) {
  try {
    appendPayload(at("base"), "c", "p", at("no/such/folder"));
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("no/such/folder"), std::string::npos) << error.what();
  }
}

} // namespace
