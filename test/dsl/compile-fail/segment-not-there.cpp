// a part is taken from what has it
// EXPECT: the concatenation must have the part, and have it once
// EXPECT: Token
// EXPECT: Concat<Context, Target>|Context
#include "jepa/dsl.h"

using namespace jepa;

using Both = Tensor<Clip, Concat<Context, Target>, Embed>;

auto good(Both x) { return segment<Target>(x); }
#ifdef JEPA_FAIL
auto bad(Both x) { return segment<Token>(x); }
#endif
