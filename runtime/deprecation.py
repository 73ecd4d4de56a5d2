"""The mark of PEP 702, in a module of its own: only a package with a deprecated operation loads it."""

import sys

if sys.version_info >= (3, 13):
    from warnings import deprecated as deprecated
else:
    from typing_extensions import deprecated as deprecated
