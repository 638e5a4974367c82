// scores have no width to merge
// EXPECT: PerHead< ... Context
#include "jepa/dsl.h"

using namespace jepa;

using Queries = Tensor<Clip, Heads, Token, PerHead<Embed>>;
using Keys = Tensor<Clip, Heads, Context, PerHead<Embed>>;

auto good(Queries q) { return mergeHeads(q); }
#ifdef JEPA_FAIL
auto bad(Queries q, Keys k) { return mergeHeads(matmulTransposed(q, k)); }
#endif
