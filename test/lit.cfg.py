# One lit suite over test/: a .mlir or .test file is a test, Inputs/ holds what tests share.
import os

import lit.formats

config.name = "jepac"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.build_root, "test")

for tool in ["FileCheck", "not", "split-file"]:
    config.substitutions.append((r"(?<![-/\w])" + tool + r"\b(?!-)", os.path.join(config.llvm_root, "bin", tool)))
config.substitutions.append(("%check_passes", os.path.join(config.build_root, "lib", "jepa-check-passes.so")))
for tool in ["jepa-opt", "jepac"]:
    program = os.path.join(config.build_root, "bin", tool)
    config.substitutions.append(("%" + tool, program))
    # A partial build has fewer tools; tests that need one say REQUIRES.
    if os.path.exists(program):
        config.available_features.add(tool)

config.environment["JEPAC_CACHE"] = os.path.join(config.test_exec_root, "cache")
config.environment["JEPAC_CACHE_SIZE"] = "256MiB"
