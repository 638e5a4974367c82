// queries and keys are compared, so they have one width
// EXPECT: Tensor<Clip, Token, Embed> ... Tensor<Clip, Token, Narrow>
#include "jepa/dsl.h"

using namespace jepa;

using Seen = Tensor<Clip, Context, Embed>;
using All = Tensor<Clip, Token, Embed>;
using Table = Tensor<One, Token, Embed>;

struct Narrow : Named<"narrow"> {};
auto good(All q, Seen k) { return attend(q, k, k, 3); }
#ifdef JEPA_FAIL
auto bad(All q, Tensor<Clip, Token, Narrow> k) { return attend(q, k, k, 3); }
#endif
