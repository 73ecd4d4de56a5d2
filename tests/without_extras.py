"""A plugin of pytest, `-p tests.without_extras`: nothing that an extra of the package brings can be imported.

The environment of the tests has aiohttp, because its tools and its other tests need it.
"""

import sys

sys.modules["aiohttp"] = None  # type: ignore[assignment]
