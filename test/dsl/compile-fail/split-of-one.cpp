// only stacked features are split
// EXPECT: Tensor<[^\n]*Stacked<Count, Width>
// EXPECT: Embed
#include "jepa/dsl.h"

using namespace jepa;

auto good(Tensor<Clip, Token, Stacked<3, Embed>> x) { return split(x); }
#ifdef JEPA_FAIL
auto bad(Tensor<Clip, Token, Embed> x) { return split(x); }
#endif
