// features of two widths do not add
// EXPECT: Tensor<Clip, Token, Embed> ... Tensor<Clip, Token, Narrow>
#include "jepa/dsl.h"

using namespace jepa;

using Seen = Tensor<Clip, Context, Embed>;
using All = Tensor<Clip, Token, Embed>;
using Table = Tensor<One, Token, Embed>;

struct Narrow : Named<"narrow"> {};
auto good(Tensor<Clip, Token, Narrow> x) { return x + x; }
#ifdef JEPA_FAIL
auto bad(All x, Tensor<Clip, Token, Narrow> y) { return x + y; }
#endif
