// tokens of two widths do not stand in one sequence
// EXPECT: Tensor<Clip, Context, Embed> ... Tensor<Clip, Target, Narrow>
#include "jepa/dsl.h"

using namespace jepa;

using Seen = Tensor<Clip, Context, Embed>;
using All = Tensor<Clip, Token, Embed>;
using Table = Tensor<One, Token, Embed>;

struct Narrow : Named<"narrow"> {};
auto good(Seen x, All y) { return concat(x, y); }
#ifdef JEPA_FAIL
auto bad(Seen x, Tensor<Clip, Target, Narrow> y) { return concat(x, y); }
#endif
