"""A pytest plugin, `-p tests.without_extras`, that hides the packages of our extras.

The tests' environment has aiohttp, because its tools and other tests need it.
"""

import sys

sys.modules["aiohttp"] = None  # type: ignore[assignment]
