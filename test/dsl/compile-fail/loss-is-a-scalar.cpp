// what training minimises is one number
// EXPECT: Tensor<Clip, Token, Embed>
// EXPECT: Scalar|Tensor<>
#include "jepa/dsl.h"

using namespace jepa;

using Seen = Tensor<Clip, Context, Embed>;
using All = Tensor<Clip, Token, Embed>;
using Table = Tensor<One, Token, Embed>;

Graph good(Trace &trace, All x) { return trace.finish(mean(x)); }
#ifdef JEPA_FAIL
Graph bad(Trace &trace, All x) { return trace.finish(x); }
#endif
