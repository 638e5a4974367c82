// a table over all tokens does not add to the visible ones
// EXPECT: Tensor<Clip, Context, Embed> ... Tensor<One, Token, Embed>
#include "jepa/dsl.h"

using namespace jepa;

using Seen = Tensor<Clip, Context, Embed>;
using All = Tensor<Clip, Token, Embed>;
using Table = Tensor<One, Token, Embed>;

auto good(All x, Table table) { return x + table; }
#ifdef JEPA_FAIL
auto bad(Seen x, Table table) { return x + table; }
#endif
