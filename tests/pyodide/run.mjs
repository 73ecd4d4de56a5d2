// Runs the tests that need no sockets, threads or compiled libraries under the CPython of this folder's package.json:
// run.mjs SITE_PACKAGES
import { fileURLToPath } from "node:url";
import { loadPyodide } from "pyodide";

const units = "call errors failure fields httpx_transport options outcomes redaction request response types".split(" ");
const tests = ["tests/pyodide", "tests/client/test_type_hints.py", ...units.map((unit) => `tests/unit/test_${unit}.py`)];
// The fixtures of all tests import servers, which need compiled libraries.
const options = ["--noconftest", "-p", "tests.unit.conftest", "-p", "no:cacheprovider"];

const python = await loadPyodide({ env: { HOME: "/", PYTEST_DISABLE_PLUGIN_AUTOLOAD: "1", PYTHONDONTWRITEBYTECODE: "1" } });
python.mountNodeFS("/repository", fileURLToPath(new URL("../..", import.meta.url)));
python.mountNodeFS("/site-packages", process.argv[2]);
python.globals.set("pytest_arguments", python.toPy([...options, ...tests]));
process.exitCode = await python.runPythonAsync(`
import os
import sys

sys.path[:0] = ["/repository", "/repository/generated", "/site-packages"]
sys.modules["trio"] = None  # Its import fails on this platform with more than an ImportError.
os.chdir("/repository")

import pytest

int(pytest.main(pytest_arguments))
`);
