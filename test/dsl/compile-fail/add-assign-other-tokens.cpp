// an assignment checks axes as the operator does
// EXPECT: Tensor<Clip, Context, Embed>
// EXPECT: Tensor<One, Token, Embed>
#include "jepa/dsl.h"

using namespace jepa;

using Seen = Tensor<Clip, Context, Embed>;
using All = Tensor<Clip, Token, Embed>;
using Table = Tensor<One, Token, Embed>;

void good(All &x, Table table) { x += table; }
#ifdef JEPA_FAIL
void bad(Seen &x, Table table) { x += table; }
#endif
