// rows that are multiplied have one width
// EXPECT: Inner = PerHead<Embed> ... OtherInner = PerHead<Narrow>
#include "jepa/dsl.h"

using namespace jepa;

using Queries = Tensor<Clip, Heads, Token, PerHead<Embed>>;
using Keys = Tensor<Clip, Heads, Context, PerHead<Embed>>;

struct Narrow : Named<"narrow"> {};
auto good(Queries q, Keys k) { return matmulTransposed(q, k); }
#ifdef JEPA_FAIL
auto bad(Queries q, Tensor<Clip, Heads, Context, PerHead<Narrow>> k) { return matmulTransposed(q, k); }
#endif
