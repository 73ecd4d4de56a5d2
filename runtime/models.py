"""What all models can do. A generated model adds its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

from .fields import Fields
from .redaction import hide_text, mask


class BaseModel:
    """A JSON object of the contract."""

    __slots__ = ()

    @staticmethod
    def _describe_fields() -> Fields:
        raise NotImplementedError

    @classmethod
    def _fields(cls) -> Fields:
        if cls not in _FIELDS:
            _FIELDS[cls] = cls._describe_fields()
        return _FIELDS[cls]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that this is, with the contract's names. Fields that are read-only are left out."""
        return self._fields().encode(self)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read a JSON object with the contract's names.

        Raises:
            KeyError: A required field is missing.
            TypeError: A field is of a wrong type.
            ValueError: A field has a value that the contract does not allow.
        """
        return cls._fields().decode(cls, src_dict)

    def __repr__(self) -> str:
        return self._fields().show(self, hide_text)


class BaseRequestModel(BaseModel):
    """A JSON object that requests have."""

    __slots__ = ()

    def with_checked_fields(self, within: str = "") -> Self:
        """Return a copy with its fields checked, as arguments are. Each call does this.

        Args:
            within: What an error puts before the name of a field.

        Raises:
            TypeError: A field is of a wrong type.
            ValueError: A field has a value that is not allowed.
        """
        return self._fields().check(self, within)

    def __repr__(self) -> str:
        return self._fields().show(self, mask)


_FIELDS: Final[dict[type[BaseModel], Fields]] = {}
