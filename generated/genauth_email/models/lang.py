from enum import StrEnum
from typing import Literal, NoReturn, TypeAlias

from .._runtime.redaction import mask
from .._runtime.types import explain


class Lang(StrEnum):
    """The language of the response's `message`."""

    ZH_CN = "zh-CN"
    """Simplified Chinese, the server's default."""

    EN_US = "en-US"
    """American English."""

    JA_JP = "ja-JP"
    """Japanese."""

    ZH_TW = "zh-TW"
    """Traditional Chinese."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        # An address or a token can get here by mistake, and no error shows one.
        raise ValueError(f"{mask(value)} is not a valid {cls.__name__}; allowed are {', '.join(cls)}")


explain(
    Lang,
    {
        "zh-CN": "Simplified Chinese, the server's default.",
        "en-US": "American English.",
        "ja-JP": "Japanese.",
        "zh-TW": "Traditional Chinese.",
    },
)


LangLiteral: TypeAlias = Literal["zh-CN", "en-US", "ja-JP", "zh-TW"]
"""The values of `Lang`, as plain strings."""
