# One lit suite over test/, and what add_jepa_lit_suite gives suites outside this tree: a .mlir or .test file is a test,
# Inputs/ holds what tests share.
import os

import lit.formats

config.name = getattr(config, "name_outside", "jepac")
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit"]
config.test_source_root = getattr(config, "source_root", os.path.dirname(__file__))
config.test_exec_root = getattr(config, "exec_root", os.path.join(config.build_root, "test"))

for tool in ["FileCheck", "not", "split-file"]:
    config.substitutions.append((r"(?<![-/\w])" + tool + r"\b(?!-)", os.path.join(config.llvm_root, "bin", tool)))
config.substitutions.append(("%check_passes", os.path.join(config.build_root, "lib", "jepa-check-passes.so")))
for tool in ["jepa-opt", "jepac"]:
    program = os.path.join(config.build_root, "bin", tool)
    config.substitutions.append(("%" + tool, program))
    # A partial build has fewer tools; tests that need one say REQUIRES.
    if os.path.exists(program):
        config.available_features.add(tool)

# Where a project outside this tree builds its plugins.
config.substitutions.append(("%plugins", getattr(config, "plugins", config.test_exec_root)))

config.environment["JEPAC_CACHE"] = os.path.join(config.test_exec_root, "cache")
config.environment["JEPAC_CACHE_SIZE"] = "256MiB"
