//===- JsonTest.cpp - the JSON value --------------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Json.h"
#include "runtime/core/Error.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace jepa::rt;

/// The message of the Error that `text` gives, or "" when it parses.
static std::string errorOf(std::string_view text, const JsonLimits &limits = {}) {
  try {
    Json::parse(text, limits);
    return "";
  } catch (const Error &error) {
    return error.what();
  }
}

TEST(Json, ReadsEveryKind) {
  Json json = Json::parse(R"( {"a":[1,-2.5,true,null,"x"],"b":{"c":9223372036854775807}} )");
  const Json::Array &items = json.at("a").asArray();
  EXPECT_EQ(items[0].asInteger(), 1);
  EXPECT_EQ(items[1].asReal(), -2.5);
  EXPECT_TRUE(items[2].asBool());
  EXPECT_TRUE(items[3].isNull());
  EXPECT_EQ(items[4].asString(), "x");
  EXPECT_EQ(json.at("b").at("c").asInteger(), INT64_MAX);
  EXPECT_EQ(json.find("z"), nullptr);
}

TEST(Json, KeepsWholeNumbersExact) {
  for (std::int64_t number : {INT64_MIN, INT64_MAX, std::int64_t(9007199254740993)})
    EXPECT_EQ(Json::parse(Json(number).dump()).asInteger(), number);
  // Beyond 64 bits a number is a real one, so nobody mistakes it for a size.
  EXPECT_EQ(Json::parse("18446744073709551615").kind(), Json::Kind::Real);
  EXPECT_EQ(Json(UINT64_MAX).kind(), Json::Kind::Real);
}

TEST(Json, PrintsWhatItReads) {
  Json json;
  json.set("text", "quote \" slash \\ line \n \x01 \xc3\xa9");
  json.set("real", 0.1);
  json.set("one", 1.0);
  json.set("shape", std::vector<std::int64_t>{2, 3});
  json.set("empty", Json::object());
  for (bool pretty : {false, true}) {
    Json again = Json::parse(json.dump(pretty));
    EXPECT_EQ(again.dump(), json.dump());
    EXPECT_EQ(again.at("one").kind(), Json::Kind::Real);
  }
  EXPECT_EQ(json.dump().find('\n'), std::string::npos);
  EXPECT_EQ(Json(std::nan("")).dump(), "null");
  EXPECT_EQ(Json("\xff").dump(), "\"\xef\xbf\xbd\"");
}

TEST(Json, KeepsTheOrderOfKeysAndReplaces) {
  Json json;
  json.set("z", 1);
  json.set("a", 2);
  json.set("z", 3);
  EXPECT_EQ(json.dump(), R"({"z":3,"a":2})");
}

TEST(Json, ReadsEscapes) {
  EXPECT_EQ(Json::parse(R"("\u00e9\ud83d\ude00\n\/")").asString(), "\xc3\xa9\xf0\x9f\x98\x80\n/");
}

TEST(Json, RefusesBrokenText) {
  for (std::string_view text : {"",
                                " ",
                                "{",
                                "[",
                                "[1",
                                "[1,]",
                                "{\"a\"}",
                                "{\"a\":}",
                                "{\"a\":1,}",
                                "{a:1}",
                                "01",
                                "1.",
                                ".5",
                                "+1",
                                "-",
                                "1e",
                                "nul",
                                "tru",
                                "\"",
                                "\"\\",
                                "\"\\u12",
                                "\"\\x\"",
                                "\"\\ud800\"",
                                "\"\\udc00\"",
                                "\"\\ud800\\u0041\"",
                                "1 2",
                                "\"a\nb\"",
                                "\"\xff\"",
                                "\"\xc0\x80\"",
                                "\"\xed\xa0\x80\"",
                                "\"\xf5\x80\x80\x80\"",
                                "\"\xe2\x82",
                                "NaN",
                                "1e999",
                                "{\"a\":1 \"b\":2}"})
    EXPECT_NE(errorOf(text), "") << text;
  EXPECT_NE(errorOf(std::string_view("\0", 1)), "");
  EXPECT_NE(errorOf(std::string_view("1\0", 2)), "");
}

TEST(Json, NamesDuplicateKeys) {
  EXPECT_EQ(errorOf(R"({"a":1,"a":2})"), "invalid JSON at byte 10: duplicate key 'a'");
}

TEST(Json, BoundsDepthAndSize) {
  EXPECT_NE(errorOf(std::string(100000, '[')), "");
  EXPECT_EQ(errorOf(std::string(60, '[') + std::string(60, ']')), "");
  EXPECT_NE(errorOf("[1,2,3]", {.maxValues = 3}), "");
  EXPECT_NE(errorOf("[1,2,3]", {.maxBytes = 3}), "");
}

TEST(Json, SaysWhatItFound) {
  try {
    Json("x").asInteger();
    FAIL();
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(), "expected an integer, found a string");
    EXPECT_EQ(error.exitCode, 1);
  }
  EXPECT_THROW(Json(1).find("x"), Error);
  EXPECT_THROW(Json::object().at("x"), Error);
}

TEST(Error, IsOneLine) {
  EXPECT_STREQ(Error("a\nb\x1b[2J").what(), "a?b?[2J");
  EXPECT_EQ(usageError("x").exitCode, 2);
}
