// Runs pytest under the CPython of this folder's package.json: run.mjs REPOSITORY SITE_PACKAGES ARGUMENTS-OF-PYTEST
import { loadPyodide } from "pyodide";

const [repository, sitePackages, ...pytestArguments] = process.argv.slice(2);
const python = await loadPyodide({ env: { HOME: "/", PYTEST_DISABLE_PLUGIN_AUTOLOAD: "1", PYTHONDONTWRITEBYTECODE: "1" } });
python.mountNodeFS("/repository", repository);
python.mountNodeFS("/site-packages", sitePackages);
python.globals.set("pytest_arguments", python.toPy(pytestArguments));
process.exitCode = await python.runPythonAsync(`
import os
import sys

sys.path[:0] = ["/repository", "/repository/generated", "/site-packages"]
sys.modules["trio"] = None  # Its import fails on this platform with more than an ImportError.
os.chdir("/repository")

import pytest

int(pytest.main(pytest_arguments))
`);
