// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=gpu --verify-diagnostics

// expected-error @below {{unknown target 'gpu': use reference, cpu or cuda}}
module {
}
