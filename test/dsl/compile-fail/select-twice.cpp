// a mask of all tokens cannot choose among the chosen
// EXPECT: Mask<Context, Token> ... Tensor<Clip, Context, Embed>
#include "jepa/dsl.h"

using namespace jepa;

using Seen = Tensor<Clip, Context, Embed>;
using All = Tensor<Clip, Token, Embed>;
using Table = Tensor<One, Token, Embed>;

Seen good(All x, const Mask<Context> &m) { return select(x, m); }
#ifdef JEPA_FAIL
auto bad(Seen x, const Mask<Context> &m) { return select(x, m); }
#endif
