// probabilities over some keys multiply those keys' values
// EXPECT: Inner = Context ... OtherRows = Token
#include "jepa/dsl.h"

using namespace jepa;

using Queries = Tensor<Clip, Heads, Token, PerHead<Embed>>;
using Keys = Tensor<Clip, Heads, Context, PerHead<Embed>>;

auto good(Queries q, Keys k) { return matmul(softmax(matmulTransposed(q, k)), k); }
#ifdef JEPA_FAIL
auto bad(Queries q, Keys k) { return matmul(softmax(matmulTransposed(q, k)), q); }
#endif
