# One lit suite over test/: a .mlir file is a test, Inputs/ holds what tests share.
import os

import lit.formats

config.name = "jepac"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.excludes = ["Inputs", "unit"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.build_root, "test")

for tool in ["FileCheck", "not", "split-file"]:
    config.substitutions.append((r"(?<![-/\w])" + tool + r"\b(?!-)", os.path.join(config.llvm_root, "bin", tool)))
for tool in ["jepa-opt", "jepac"]:
    config.substitutions.append(("%" + tool, os.path.join(config.build_root, "bin", tool)))
