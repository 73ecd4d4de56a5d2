"""What the tests take from `openapi.yaml` itself, rather than from what was generated."""

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

CHANNEL: Any
OTHER_CHANNEL: Any
CHANNEL, OTHER_CHANNEL, *_ = SCHEMAS["Channel"]["enum"]
"""Channels for tests that need just any."""

CHANNEL_TEXT = f"{CHANNEL}: {SCHEMAS['Channel']['x-enumDescriptions'][CHANNEL]}"
"""The line of the contract that says what the email of `CHANNEL` is for."""

SENT: dict[str, Any] = next(example for example in EXAMPLES.values() if example["statusCode"] == 200)
"""A success of `sendEmail`. It has whatever the contract requires of one."""
