// the mask of attention is a mask of its keys
// EXPECT: Visible<Token> ... Visible<Context>
#include "jepa/dsl.h"

using namespace jepa;

using Seen = Tensor<Clip, Context, Embed>;
using All = Tensor<Clip, Token, Embed>;
using Table = Tensor<One, Token, Embed>;

auto good(All x, const Mask<Context> &m) { return attend(x, x, x, 3, attendTo(m)); }
#ifdef JEPA_FAIL
auto bad(Seen x, const Mask<Context> &m) { return attend(x, x, x, 3, attendTo(m)); }
#endif
