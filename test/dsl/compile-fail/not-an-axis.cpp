// an axis is a type with a label
// EXPECT: Axis
// EXPECT: int
#include "jepa/dsl.h"

using namespace jepa;

struct Word : Named<"word"> {};
using Good = Tensor<Clip, Word>;
#ifdef JEPA_FAIL
using Bad = Tensor<Clip, int>;
#endif
