"""The API grows as a maintainer would edit `openapi.yaml`, and everything passes without a change to the code."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scripts.changelog import CHANGELOG
from scripts.compatibility import CONFIG, current_version, write_record
from scripts.document import Document

from .conftest import copy_repository, give_environment, make, replace

pytestmark = pytest.mark.release

# The suites that a change of the package can affect.
SUITES = [f"tests/{room}" for room in ("client", "contract", "examples", "faults", "mock", "typing", "unit")]

# The vendor's other way to send a code. Its channels need no explanations.
SEND_SMS = """
/api/v3/send-sms:
  post:
    operationId: sendSms
    x-deduplication-interval: 60
    tags: [sms]
    summary: Send an SMS to a user
    description: Sends the SMS that `channel` names to the number `phoneNumber`, at most once a minute.
    parameters:
      - $ref: "#/components/parameters/lang"
      - $ref: "#/components/parameters/realIp"
      - $ref: "#/components/parameters/requestFrom"
      - $ref: "#/components/parameters/sdkVersion"
    requestBody:
      required: true
      content:
        application/json:
          schema:
            $ref: "#/components/schemas/SendSmsDto"
          examples:
            LogIn:
              summary: The SMS that logs a user in
              value: {channel: CHANNEL_LOGIN, phoneNumber: "13800000000", phoneCountryCode: "+86"}
    responses:
      "200":
        description: Success **or failure**. `statusCode` tells which.
        content:
          application/json:
            schema:
              $ref: "#/components/schemas/SendSmsRespDto"
"""
SCHEMAS = """
SendSmsDto:
  type: object
  description: Which SMS to send, and to whom.
  required: [channel, phoneNumber]
  additionalProperties: false
  properties:
    channel:
      $ref: "#/components/schemas/SmsChannel"
    phoneNumber: {type: string, description: The number without the code of the country.}
    phoneCountryCode: {type: string, description: The code of the country. Mainland China needs none.}
SmsChannel:
  type: string
  description: What the SMS is for.
  enum: [CHANNEL_LOGIN, CHANNEL_REGISTER, CHANNEL_RESET_PASSWORD, CHANNEL_BIND_PHONE, CHANNEL_UNBIND_PHONE,
    CHANNEL_BIND_MFA, CHANNEL_VERIFY_MFA, CHANNEL_UNBIND_MFA, CHANNEL_COMPLETE_PHONE, CHANNEL_IDENTITY_VERIFICATION,
    CHANNEL_DELETE_ACCOUNT]
"""


def grow(contract: Any) -> None:
    schemas = contract["components"]["schemas"]
    schemas["SendEmailDto"]["properties"]["tenantId"] = {"type": "string", "description": "The tenant of the user."}
    expiry = {"type": "string", "format": "date-time", "description": "When the code in the email becomes useless."}
    response = schemas["SendEmailRespDto"]
    schemas.update(YAML().load(SCHEMAS))
    schemas["SendSmsRespDto"] = {**response, "properties": {**response["properties"]}}
    response["properties"]["expiresAt"] = expiry
    contract["tags"].append({"name": "sms", "description": "SMS that GenAuth sends to a user."})
    contract["paths"].update(YAML().load(SEND_SMS))


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released copy of the repository whose contract has grown, with the version that `make generate` asks for."""
    copy = copy_repository(tmp_path_factory.mktemp("grown") / "repository")
    give_environment(copy)
    released = current_version(copy)
    write_record(copy, Document(copy / "openapi.yaml"), released)
    (copy / CHANGELOG).write_text(
        f"# Changelog\n\n## [Unreleased]\n\n### Added\n\n- `send_sms`.\n\n## [{released}] - 2026-11-26\n", "utf-8"
    )
    contract = YAML().load(copy / "openapi.yaml")
    grow(contract)
    YAML().dump(contract, copy / "openapi.yaml")

    told = make(copy, "generate").stdout
    # One line for each change.
    assert re.findall(r": (.+) is new", told) == [
        "POST /api/v3/send-sms",
        "POST /api/v3/send-email > body > tenantId",
        "POST /api/v3/send-email > response > expiresAt",
    ]
    (asked,) = re.findall(r"\npackage_version_override: (.+)\n$", told)
    replace(copy / CONFIG, released, asked)
    assert "package_version_override" not in make(copy, "generate").stdout
    return copy


def test_make_check_passes(grown: Path) -> None:
    done = make(grown, "check")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("suite", SUITES)
def test_the_tests_pass(grown: Path, suite: str) -> None:
    assert make(grown, ".venv/package").returncode == 0
    pytest: list[str | Path] = [grown / ".venv" / "bin" / "python", "-m", "pytest", "-q", "--numprocesses=2"]
    done = subprocess.run([*pytest, suite], cwd=grown, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
