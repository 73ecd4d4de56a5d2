from enum import StrEnum
from typing import Literal, NoReturn, TypeAlias


class Lang(StrEnum):
    """The language of the answer's `message`."""

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
        raise ValueError(f"{value!r} is no {cls.__name__}; allowed are {', '.join(cls)}")


LangLiteral: TypeAlias = Literal[
    "zh-CN",
    "en-US",
    "ja-JP",
    "zh-TW",
]
"""The values of `Lang`, as plain strings."""
