//===- WrapLines.cpp - long lines of printed C++, broken where they read best ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cuda/PrintCuda.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

#include <tuple>

using namespace llvm;

namespace {

/// A place where a line may be broken: `at` begins the next one. What it parts belongs together the more `closely` the
/// more brackets are open there; in them, commas part less than operators do.
struct Break {
  size_t at;
  int closely;
};

} // namespace

/// Whether the '<' at `i` opens a list of template arguments: the printer has spaces around what compares.
static bool opensArguments(StringRef line, size_t i) { return line[i] == '<' && i && isAlnum(line[i - 1]); }

/// Whether `rest` begins with an operator of two operands.
static bool beginsWithOperator(StringRef rest) {
  StringRef word = rest.take_until([](char c) { return c == ' '; });
  return !word.empty() && word != "=" && word != "//" && word.find_first_not_of("+-*/%&|<>=!?:") == StringRef::npos;
}

/// Behind commas and before operators, outside of strings and of the comment that may end the line.
static SmallVector<Break> breaksOf(StringRef line) {
  SmallVector<Break> breaks;
  SmallVector<char> open;
  for (size_t i = 0; i < line.size() && !line.substr(i).starts_with("//"); ++i) {
    char c = line[i];
    if (c == '"') {
      while (++i < line.size() && line[i] != '"')
        i += line[i] == '\\';
    } else if (StringRef("([{").contains(c) || opensArguments(line, i)) {
      open.push_back(c);
    } else if (StringRef(")]}").contains(c) || (c == '>' && !open.empty() && open.back() == '<')) {
      if (!open.empty())
        open.pop_back();
    } else if (c == ' ' && i) {
      StringRef before = line.take_front(i);
      bool isList = before.ends_with(",") || before.ends_with(";");
      if (isList || before.ends_with(" =") || beginsWithOperator(line.substr(i + 1)))
        breaks.push_back({i + 1, 2 * static_cast<int>(open.size()) + !isList});
    }
  }
  return breaks;
}

/// Of the breaks behind `indent` that leave at most `room` columns before them, the one that reads best: more than half
/// of them used, parting what belongs together least, and as far back as may be.
static const Break *bestBreak(ArrayRef<Break> breaks, size_t indent, size_t room) {
  const Break *best = nullptr;
  auto rank = [&](const Break &place) {
    bool usesHalf = place.at > room / 2;
    return std::tuple(usesHalf, usesHalf ? -place.closely : 0, place.at);
  };
  for (const Break &place : breaks)
    if (place.at > indent && place.at <= room + 1 && (!best || rank(place) > rank(*best)))
      best = &place;
  return best;
}

std::string jepa::wrapLines(StringRef text, size_t columns) {
  std::string wrapped;
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    bool endsLine = line.size() < text.size();
    text = rest;
    size_t indent = line.size() - line.ltrim(' ').size();
    std::string current = line.str();
    // The preprocessor's lines end where they end.
    for (size_t first = indent; current.size() > columns && current[indent] != '#';) {
      SmallVector<Break> breaks = breaksOf(current);
      const Break *place = bestBreak(breaks, first, columns);
      if (!place)
        break;
      wrapped += StringRef(current).take_front(place->at).rtrim(' ').str() + "\n";
      first = indent + 4;
      current = std::string(first, ' ') + current.substr(place->at);
    }
    wrapped += current + (endsLine ? "\n" : "");
  }
  return wrapped;
}
