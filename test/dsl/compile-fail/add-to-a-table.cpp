// what all clips share does not take what one clip has
// EXPECT: Tensor<One, Token, Embed> ... Tensor<Clip, Token, Embed>
#include "jepa/dsl.h"

using namespace jepa;

using Seen = Tensor<Clip, Context, Embed>;
using All = Tensor<Clip, Token, Embed>;
using Table = Tensor<One, Token, Embed>;

auto good(All x, Table table) { return x + table; }
#ifdef JEPA_FAIL
auto bad(All x, Table table) { return table + x; }
#endif
