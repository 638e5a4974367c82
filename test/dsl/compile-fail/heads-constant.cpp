// constants that cannot be built do not compile
// EXPECT: exactly\(48, 5
#include "jepa/dsl.h"

using namespace jepa;

constexpr Size good = exactly(48, 3);
#ifdef JEPA_FAIL
constexpr Size bad = exactly(48, 5);
#endif
