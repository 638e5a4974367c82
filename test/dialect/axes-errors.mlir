// RUN: %jepa-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{the tensor has 3 dimensions but 2 axis names}}
func.func private @rank(tensor<2x64x48xf32, #jepa.axes<clip, token>>)

// -----

// expected-error @+1 {{an axis name must not be empty}}
func.func private @empty(tensor<2x64xf32, #jepa.axes<clip, "">>)

// -----

func.func @scope(%x: tensor<48xf32>) {
  // expected-error @+1 {{'jepa.scope' must be a string, the module path of the op}}
  %0 = jepa.gelu %x {jepa.scope = 3 : i64} : tensor<48xf32>
  return
}

// -----

// expected-error @+1 {{'jepa.name' of argument #0 must be a string}}
func.func @name(%x: tensor<48xf32> {jepa.name = 3 : i64}) { return }

// -----

// expected-error @+1 {{'jepa.mask' of argument #0 must be the number of tokens that the mask indexes}}
func.func @mask_tokens(%x: tensor<2x24xi32> {jepa.mask = "all"}) { return }

// -----

// expected-error @+1 {{'jepa.mask' of argument #0 needs an index list [clip, subset] of i32}}
func.func @mask_type(%x: tensor<2x24xf32> {jepa.mask = 64 : i64}) { return }

// -----

// expected-error @+1 {{argument #0 lists 24 of 16 tokens: a mask has no more entries than there are tokens}}
func.func @mask_size(%x: tensor<2x24xi32> {jepa.mask = 16 : i64}) { return }

// -----

// expected-error @+1 {{'jepa.length_of' of argument #0 must be a string, the name of an axis}}
func.func @length_name(%n: tensor<1xi32> {jepa.length_of = 3 : i64}) { return }

// -----

// expected-error @+1 {{'jepa.length_of' of argument #0 needs one number of i32}}
func.func @length_type(%n: tensor<2xi32> {jepa.length_of = "context#0"}) { return }

// -----

// expected-error @+1 {{'jepa.bounds_of' of argument #0 must be a string, the name of an axis}}
func.func @bounds_name(%n: tensor<3xi32> {jepa.bounds_of = 3 : i64}) { return }

// -----

// expected-error @+1 {{'jepa.bounds_of' of argument #0 needs a list [samples + 1] of i32}}
func.func @bounds_type(%n: tensor<1xi32> {jepa.bounds_of = "context#0"}) { return }
