// a prediction is compared with the tokens that it predicts
// EXPECT: Tensor<Clip, Token, Embed> ... Tensor<Clip, Target, Embed>
#include "jepa/dsl.h"

using namespace jepa;

using Seen = Tensor<Clip, Context, Embed>;
using All = Tensor<Clip, Token, Embed>;
using Table = Tensor<One, Token, Embed>;

using Wanted = Tensor<Clip, Target, Embed>;
Scalar good(Wanted x, Wanted y) { return l1(x, y); }
#ifdef JEPA_FAIL
Scalar bad(Wanted x, All y) { return l1(x, y); }
#endif
