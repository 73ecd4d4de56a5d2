"""Facts that the tests take from `openapi.yaml` itself, not from the generated package."""

from itertools import count
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
CONTRACT: dict[str, Any] = YAML(typ="safe").load(ROOT / "openapi.yaml")
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]

OPERATION: dict[str, Any] = CONTRACT["paths"]["/api/v3/send-email"]["post"]
EXAMPLES: dict[str, dict[str, Any]] = {
    name: example["value"]
    for name, example in OPERATION["responses"]["200"]["content"]["application/json"]["examples"].items()
}
FAILURES: dict[int, str] = {
    code: name
    for code, name in zip(SCHEMAS["StatusCode"]["enum"], SCHEMAS["StatusCode"]["x-enum-varnames"], strict=True)
    if code != 200
}

UNLISTED_4XX, UNLISTED = (next(code for code in count(first) if code not in FAILURES) for first in (400, 600))
"""Values of `statusCode` that the contract does not list: one of 4xx, and one from 600 on."""

CHANNEL: Any
OTHER_CHANNEL: Any
CHANNEL, OTHER_CHANNEL, *_ = sorted(
    SCHEMAS["Channel"]["enum"], key=lambda channel: channel in SCHEMAS["Channel"].get("x-enum-deprecated", ())
)
"""Channels for tests that need any channel: the first that are not deprecated."""

SENT: dict[str, Any] = next(example for example in EXAMPLES.values() if example["statusCode"] == 200)
"""A success of `sendEmail`, with everything that the contract requires."""
