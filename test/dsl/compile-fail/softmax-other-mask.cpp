// the mask of a softmax is a mask of its last axis
// EXPECT: Visible<Token> ... Visible<Context>
#include "jepa/dsl.h"

using namespace jepa;

using Queries = Tensor<Clip, Heads, Token, PerHead<Embed>>;
using Keys = Tensor<Clip, Heads, Context, PerHead<Embed>>;

using Kept = Mask<Target, Context>;
auto good(Queries q, Keys k, const Kept &m) { return softmax(matmulTransposed(q, k), attendTo(m)); }
#ifdef JEPA_FAIL
auto bad(Queries q, Keys k, const Mask<Context> &m) { return softmax(matmulTransposed(q, k), attendTo(m)); }
#endif
