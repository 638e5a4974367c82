// RUN: %jepa-opt %s --jepa-verify-phase=phase=fused --verify-diagnostics

// expected-error @below {{jepa-verify-phase: unknown phase 'fused': use model, pruned, gradient or kernels}}
module {}
