//===- Json.cpp - a small strict JSON value -------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Json.h"

#include "runtime/core/Error.h"

#include <charconv>
#include <cmath>
#include <unordered_set>

using namespace jepa::rt;

//===----------------------------------------------------------------------===//
// Access
//===----------------------------------------------------------------------===//

static const char *describe(Json::Kind kind) {
  static const char *const names[] = {"null",     "a boolean", "an integer", "a number",
                                      "a string", "an array",  "an object"};
  return names[static_cast<int>(kind)];
}

[[noreturn]] static void wrongKind(const char *expected, Json::Kind found) {
  throw Error(std::string("expected ") + expected + ", found " + describe(found));
}

bool Json::asBool() const {
  if (auto *held = std::get_if<bool>(&value))
    return *held;
  wrongKind("a boolean", kind());
}

std::int64_t Json::asInteger() const {
  if (auto *held = std::get_if<std::int64_t>(&value))
    return *held;
  wrongKind("an integer", kind());
}

double Json::asReal() const {
  if (auto *held = std::get_if<double>(&value))
    return *held;
  if (auto *held = std::get_if<std::int64_t>(&value))
    return static_cast<double>(*held);
  wrongKind("a number", kind());
}

const std::string &Json::asString() const {
  if (auto *held = std::get_if<std::string>(&value))
    return *held;
  wrongKind("a string", kind());
}

const Json::Array &Json::asArray() const {
  if (auto *held = std::get_if<Array>(&value))
    return *held;
  wrongKind("an array", kind());
}

const Json::Object &Json::asObject() const {
  if (auto *held = std::get_if<Object>(&value))
    return *held;
  wrongKind("an object", kind());
}

std::vector<std::int64_t> Json::asIntegers() const {
  std::vector<std::int64_t> numbers;
  for (const Json &item : asArray())
    numbers.push_back(item.asInteger());
  return numbers;
}

const Json *Json::find(std::string_view key) const {
  for (const Member &member : asObject())
    if (member.first == key)
      return &member.second;
  return nullptr;
}

const Json &Json::at(std::string_view key) const {
  if (const Json *member = find(key))
    return *member;
  throw Error("missing key '" + std::string(key) + "'");
}

Json &Json::set(std::string_view key, Json member) {
  if (isNull())
    value = Object();
  auto *members = std::get_if<Object>(&value);
  if (!members)
    wrongKind("an object", kind());
  for (Member &old : *members)
    if (old.first == key)
      return old.second = std::move(member);
  members->emplace_back(std::string(key), std::move(member));
  return members->back().second;
}

Json &Json::push(Json item) {
  if (isNull())
    value = Array();
  auto *items = std::get_if<Array>(&value);
  if (!items)
    wrongKind("an array", kind());
  items->push_back(std::move(item));
  return items->back();
}

//===----------------------------------------------------------------------===//
// UTF-8
//===----------------------------------------------------------------------===//

/// The length of the valid UTF-8 sequence at the start of `text`, 0 if there is
/// none (overlong forms, surrogates and values above 0x10ffff are invalid).
static std::size_t utf8Length(std::string_view text) {
  auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = at(0);
  if (lead < 0x80)
    return 1;
  std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
    return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((at(i) & 0xc0) != 0x80)
      return 0;
  unsigned char second = at(1);
  bool bad = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) ||
             (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90);
  return bad ? 0 : length;
}

static void appendUtf8(std::string &text, std::uint32_t code) {
  auto push = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xc0 | code >> 6);
    push(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    push(0xe0 | code >> 12);
    push(0x80 | (code >> 6 & 0x3f));
    push(0x80 | (code & 0x3f));
  } else {
    push(0xf0 | code >> 18);
    push(0x80 | (code >> 12 & 0x3f));
    push(0x80 | (code >> 6 & 0x3f));
    push(0x80 | (code & 0x3f));
  }
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

namespace {

class Parser {
public:
  Parser(std::string_view text, const JsonLimits &limits) : text(text), limits(limits) {}

  Json document() {
    if (text.size() > limits.maxBytes)
      fail("text is longer than " + std::to_string(limits.maxBytes) + " bytes");
    Json result = parseValue(0);
    skipSpace();
    if (at != text.size())
      fail("text after the value");
    return result;
  }

private:
  [[noreturn]] void fail(const std::string &what) const {
    throw Error("invalid JSON at byte " + std::to_string(at) + ": " + what);
  }

  void skipSpace() {
    while (at < text.size() &&
           (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t'))
      ++at;
  }

  /// The next character, or NUL at the end (which no rule accepts).
  char peek() const { return at < text.size() ? text[at] : '\0'; }

  bool take(char c) {
    if (peek() != c || at >= text.size())
      return false;
    ++at;
    return true;
  }

  Json parseValue(int depth) {
    if (depth > limits.maxDepth)
      fail("nested deeper than " + std::to_string(limits.maxDepth));
    if (++values > limits.maxValues)
      fail("more than " + std::to_string(limits.maxValues) + " values");
    skipSpace();
    switch (peek()) {
    case '{':
      return parseObject(depth);
    case '[':
      return parseArray(depth);
    case '"':
      return Json(parseString());
    case 't':
      return parseWord("true", Json(true));
    case 'f':
      return parseWord("false", Json(false));
    case 'n':
      return parseWord("null", Json());
    default:
      return parseNumber();
    }
  }

  Json parseWord(std::string_view word, Json meaning) {
    if (text.substr(at, word.size()) != word)
      fail("expected a value");
    at += word.size();
    return meaning;
  }

  Json parseArray(int depth) {
    Json::Array items;
    ++at;
    skipSpace();
    if (take(']'))
      return items;
    do
      items.push_back(parseValue(depth + 1)), skipSpace();
    while (take(','));
    if (!take(']'))
      fail("expected ',' or ']'");
    return items;
  }

  Json parseObject(int depth) {
    Json::Object members;
    std::unordered_set<std::string> seen;
    ++at;
    skipSpace();
    if (take('}'))
      return members;
    do {
      skipSpace();
      if (peek() != '"')
        fail("expected a key");
      std::string key = parseString();
      if (!seen.insert(key).second)
        fail("duplicate key '" + key + "'");
      skipSpace();
      if (!take(':'))
        fail("expected ':'");
      members.emplace_back(std::move(key), parseValue(depth + 1));
      skipSpace();
    } while (take(','));
    if (!take('}'))
      fail("expected ',' or '}'");
    return members;
  }

  std::uint32_t parseHex4() {
    std::uint32_t code = 0;
    std::string_view digits = text.substr(at, 4);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4)
      fail("expected four hexadecimal digits");
    at += 4;
    return code;
  }

  void parseEscape(std::string &result) {
    char c = peek();
    static constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (auto place = letters.find(c); place != letters.npos && at < text.size()) {
      result += meanings[place];
      ++at;
      return;
    }
    if (!take('u'))
      fail("unknown escape");
    std::uint32_t code = parseHex4();
    if (code >= 0xd800 && code < 0xdc00) {
      if (!take('\\') || !take('u'))
        fail("lone surrogate");
      std::uint32_t low = parseHex4();
      if (low < 0xdc00 || low > 0xdfff)
        fail("lone surrogate");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
      fail("lone surrogate");
    }
    appendUtf8(result, code);
  }

  std::string parseString() {
    std::string result;
    ++at;
    while (at < text.size()) {
      unsigned char c = static_cast<unsigned char>(text[at]);
      if (c == '"') {
        ++at;
        return result;
      }
      if (c < 0x20)
        fail("control character in a string");
      if (c == '\\') {
        ++at;
        parseEscape(result);
        continue;
      }
      std::size_t length = utf8Length(text.substr(at, 4));
      if (length == 0)
        fail("invalid UTF-8");
      result.append(text.substr(at, length));
      at += length;
    }
    fail("unterminated string");
  }

  void digits() {
    if (peek() < '0' || peek() > '9')
      fail(at < text.size() ? "expected a value" : "unexpected end");
    while (peek() >= '0' && peek() <= '9')
      ++at;
  }

  Json parseNumber() {
    std::size_t begin = at;
    bool whole = true;
    take('-');
    if (!take('0'))
      digits();
    if (take('.'))
      whole = false, digits();
    if (take('e') || take('E')) {
      whole = false;
      if (!take('+'))
        take('-');
      digits();
    }
    const char *first = text.data() + begin, *last = text.data() + at;
    std::int64_t integer = 0;
    if (whole && std::from_chars(first, last, integer).ec == std::errc())
      return Json(integer);
    double real = 0;
    if (std::from_chars(first, last, real).ec != std::errc())
      fail("number out of range");
    return Json(real);
  }

  std::string_view text;
  const JsonLimits &limits;
  std::size_t at = 0, values = 0;
};

} // namespace

Json Json::parse(std::string_view text, const JsonLimits &limits) {
  return Parser(text, limits).document();
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

static void printString(std::string &out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    unsigned char c = static_cast<unsigned char>(text[0]);
    std::size_t length = utf8Length(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      length = 1;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += text[0];
    } else if (c < 0x20) {
      static const char hex[] = "0123456789abcdef";
      out += "\\u00";
      out += hex[c >> 4];
      out += hex[c & 15];
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  out += '"';
}

static void printReal(std::string &out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  char digits[32];
  char *end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  std::string_view shortest(digits, static_cast<std::size_t>(end - digits));
  out += shortest;
  // Keeps a real number a real number when it is read again.
  if (shortest.find_first_of(".e") == shortest.npos)
    out += ".0";
}

static void print(std::string &out, const Json &json, bool pretty, int depth) {
  auto newLine = [&](int level) {
    if (pretty)
      out.append("\n").append(static_cast<std::size_t>(level) * 2, ' ');
  };
  switch (json.kind()) {
  case Json::Kind::Null:
    out += "null";
    return;
  case Json::Kind::Bool:
    out += json.asBool() ? "true" : "false";
    return;
  case Json::Kind::Integer:
    out += std::to_string(json.asInteger());
    return;
  case Json::Kind::Real:
    return printReal(out, json.asReal());
  case Json::Kind::String:
    return printString(out, json.asString());
  case Json::Kind::Array: {
    // Arrays of plain values (shapes, grids) stay on one line.
    const Json::Array &items = json.asArray();
    bool nested = !items.empty() && (items[0].isArray() || items[0].isObject());
    const char *separator = "";
    out += '[';
    for (const Json &item : items) {
      out += separator;
      if (nested)
        newLine(depth + 1);
      print(out, item, pretty, depth + 1);
      separator = pretty && !nested ? ", " : ",";
    }
    if (nested)
      newLine(depth);
    out += ']';
    return;
  }
  case Json::Kind::Object: {
    const char *separator = "";
    out += '{';
    for (const Json::Member &member : json.asObject()) {
      out += separator;
      newLine(depth + 1);
      printString(out, member.first);
      out += pretty ? ": " : ":";
      print(out, member.second, pretty, depth + 1);
      separator = ",";
    }
    if (!json.asObject().empty())
      newLine(depth);
    out += '}';
    return;
  }
  }
}

std::string Json::dump(bool pretty) const {
  std::string out;
  print(out, *this, pretty, 0);
  if (pretty)
    out += '\n';
  return out;
}
