// RUN: %jepa-opt %s --jepa-outline-layers=min-ops=0 --verify-diagnostics
// RUN: %jepa-opt %s --jepa-outline-layers=min-instances=0 --verify-diagnostics

// expected-error @below {{jepa-outline-layers: min-ops and min-instances must be at least 1}}
module {}
