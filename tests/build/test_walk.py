"""The API grows as a maintainer would type it into `openapi.yaml`, and all else follows without a line of code.

A channel, a status code, an optional field, an operation like `sendEmail`, one that reads a user, a list in pages and a
`DELETE`: `make check` passes, and so do the contract tests. None of it is shipped.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scripts.changelog import CHANGELOG
from scripts.compatibility import CONFIG, current_version, write_record
from scripts.document import Document

from .conftest import ROOT, copy_repository, give_environment, make, replace

PATHS = """
/api/v3/send-sms:
  post:
    operationId: sendSms
    x-deduplication-interval: 60
    tags: [sms]
    summary: Send an SMS to a user
    description: Sends the SMS that `channel` names to the number `phoneNumber`, once a minute.
    parameters: &clients
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
              value: {channel: SMS_LOGIN, phoneNumber: "13800000000", phoneCountryCode: "+86"}
    responses:
      "200":
        description: Success **or failure**. `statusCode` tells which.
        content:
          application/json:
            schema:
              $ref: "#/components/schemas/SendEmailRespDto"
            examples:
              OK:
                value: {statusCode: 200, message: Sent., requestId: 5b0d6c1e-0003-4c36-9d3f-6f3b3c1a0200}
              ThrottleError:
                value: {statusCode: 429, message: Too many requests.}
/api/v3/get-user:
  get:
    operationId: getUser
    tags: [users]
    summary: Read a user
    description: Reads the user with the id `userId`.
    parameters:
      - name: userId
        in: query
        required: true
        description: The id of the user.
        schema: {type: string}
        example: 6229ffaxxxxxxxxcade3e3d9
      - name: withIdentities
        in: query
        description: Whether the user's identities come along.
        schema: {type: boolean}
    responses:
      "200":
        description: Success **or failure**. `statusCode` tells which.
        content:
          application/json:
            schema:
              $ref: "#/components/schemas/UserRespDto"
/api/v3/list-users:
  get:
    operationId: listUsers
    tags: [users]
    summary: List users
    description: Lists the users of a page.
    parameters:
      - name: status
        in: query
        description: Only users of these.
        schema:
          type: array
          items:
            $ref: "#/components/schemas/UserStatus"
      - name: page
        in: query
        description: The number of the page, from 1 on.
        schema: {type: integer}
      - name: limit
        in: query
        description: How many users a page has.
        schema: {type: integer}
    responses:
      "200":
        description: Success **or failure**. `statusCode` tells which.
        content:
          application/json:
            schema:
              $ref: "#/components/schemas/UserListRespDto"
/api/v3/users/{userId}:
  delete:
    operationId: deleteUser
    tags: [users]
    summary: Delete a user
    description: Deletes the user with the id `userId`.
    parameters:
      - name: userId
        in: path
        required: true
        description: The id of the user.
        schema: {type: string}
        example: a/b c
    responses:
      "200":
        description: Success **or failure**. `statusCode` tells which.
        content:
          application/json:
            schema:
              $ref: "#/components/schemas/SendEmailRespDto"
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
    phoneCountryCode: {type: string, description: The code of the country.}
SmsChannel:
  type: string
  description: What the SMS is for.
  enum: [SMS_LOGIN, SMS_REGISTER]
  x-enumDescriptions:
    SMS_LOGIN: Log in.
    SMS_REGISTER: Register.
UserStatus:
  type: string
  description: Whether a user can log in.
  enum: [Activated, Suspended]
  x-enumDescriptions:
    Activated: The user can.
    Suspended: The user cannot.
UserDto:
  type: object
  description: A user.
  required: [userId, status, createdAt]
  properties:
    userId: {type: string}
    status:
      $ref: "#/components/schemas/UserStatus"
    createdAt: {type: string, format: date-time}
    birthday: {type: string, format: date}
    address:
      $ref: "#/components/schemas/AddressDto"
    identities:
      type: array
      items:
        $ref: "#/components/schemas/IdentityDto"
    addresses:
      type: object
      description: More addresses, by name.
      additionalProperties:
        $ref: "#/components/schemas/AddressDto"
AddressDto:
  type: object
  properties:
    city: {type: [string, "null"]}
    country: {type: string}
IdentityDto:
  type: object
  required: [provider]
  properties:
    provider: {type: string}
    loginsCount: {type: integer}
UserListDto:
  type: object
  required: [totalCount, list]
  properties:
    totalCount: {type: integer}
    list:
      type: array
      items:
        $ref: "#/components/schemas/UserDto"
"""

# It is put with the examples, which `make check` type-checks strictly.
CONSUMER = """\
import asyncio
import datetime

import pytest
from genauth_email import (
    AsyncAuthenticationClient,
    AuthenticationClient,
    Channel,
    LegalReasonsError,
    UserDto,
    UserStatus,
)
from genauth_email.testing import mock_genauth


def show(user: UserDto) -> tuple[str, datetime.datetime | str, list[str | None]]:
    assert user.address is not None
    assert user.addresses is not None
    assert user.identities is not None
    names: list[str] = [identity.provider for identity in user.identities]
    cities = [address.city for address in (user.address, *user.addresses.values())]
    status: UserStatus | str = user.status
    return f"{user.user_id} {status} {names}", user.created_at, cities


def use(client: AuthenticationClient) -> None:
    client.send_email(Channel.CHANNEL_INVITE, "test@example.com", locale="en")
    client.send_sms("SMS_LOGIN", "13800000000", phone_country_code="+86")
    show(client.get_user(user_id="u-1", with_identities=True).data)
    page = client.list_users(status=[UserStatus.ACTIVATED, UserStatus.SUSPENDED], page=1, limit=10).data
    assert page.total_count == len(page.list_) == 1
    message: str = client.delete_user("a/b").message
    assert isinstance(message, str)


async def use_async(client: AsyncAuthenticationClient) -> None:
    show((await client.get_user(user_id="u-1")).data)
    await client.delete_user("u-1")


with mock_genauth() as server:
    with AuthenticationClient("my-app", server.url) as client:
        use(client)
        server.fail_next(status_code=451)
        with pytest.raises(LegalReasonsError) as caught:
            client.get_user(user_id="u-1")
        assert caught.value.delivery == "not_sent"
    assert server.received[3].query == {"status": ["Activated", "Suspended"], "page": ["1"], "limit": ["10"]}
    asyncio.run(use_async(AsyncAuthenticationClient("my-app", server.url)))
"""


def grow(contract: Any) -> None:
    """Add to the contract what it is to have. A response of an operation is that of `sendEmail` and `data`."""
    schemas = contract["components"]["schemas"]
    schemas["Channel"]["enum"].append("CHANNEL_INVITE")
    schemas["Channel"]["x-enumDescriptions"]["CHANNEL_INVITE"] = "Invite a user."
    schemas["StatusCode"]["enum"].append(451)
    schemas["StatusCode"]["x-enum-varnames"].append("LegalReasonsError")
    schemas["StatusCode"]["x-enumDescriptions"]["451"] = "The law forbids it."
    schemas["SendEmailDto"]["properties"]["locale"] = {"type": "string", "description": "The language of the email."}
    schemas.update(YAML().load(SCHEMAS))
    common = schemas["SendEmailRespDto"]
    for name, data in {"UserRespDto": "UserDto", "UserListRespDto": "UserListDto"}.items():
        fields = {**common["properties"], "data": {"$ref": f"#/components/schemas/{data}"}}
        # A failure has none.
        schemas[name] = {**common, "properties": fields, "required": [*common["required"], "data"]}
    responses = contract["paths"]["/api/v3/send-email"]["post"]["responses"]["200"]
    examples = responses["content"]["application/json"]["examples"]
    failure = {"statusCode": 451, "message": "The law forbids it.", "requestId": "r-1"}
    examples["LegalReasonsError"] = {"value": failure}
    examples["LegalReasonsErrorWithApiCode"] = {"value": {**failure, "apiCode": 2005}}
    contract["tags"] += [{"name": name, "description": f"What is about {name}."} for name in ("sms", "users")]
    contract["paths"].update(YAML().load(PATHS))


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released copy of the repository whose contract has grown, after what `make generate` asks for."""
    copy = copy_repository(tmp_path_factory.mktemp("grown") / "repository")
    give_environment(copy)
    released = current_version(copy)
    write_record(copy, Document(copy / "openapi.yaml"), released)
    (copy / CHANGELOG).write_text(
        f"# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Much.\n\n## [{released}] - 2026-11-26\n", "utf-8"
    )
    contract = YAML().load(copy / "openapi.yaml")
    grow(contract)
    YAML().dump(contract, copy / "openapi.yaml")
    (copy / "examples" / "consumer.py").write_text(CONSUMER)
    # What it does not need to check is as it is here, where `make check` checks it.
    replace(copy / "pyproject.toml", '"benchmarks", "examples", "runtime", "scripts", "tests", ', '"examples", ')
    done = make(copy, "generate")
    assert done.returncode == 0, done.stderr
    # An operation, a value of an enum and a field are one line each, and what to write where comes last.
    told, (asked,) = (
        re.findall(r": (.+) is new", done.stdout),
        re.findall(r"\npackage_version_override: (.+)$", done.stdout),
    )
    assert sorted(told) == [
        "Channel > CHANNEL_INVITE",
        "DELETE /api/v3/users/{userId}",
        "GET /api/v3/get-user",
        "GET /api/v3/list-users",
        "POST /api/v3/send-email > body > locale",
        "POST /api/v3/send-sms",
        "StatusCode > LEGAL_REASONS_ERROR",
    ]
    replace(copy / CONFIG, released, asked)
    assert "package_version_override" not in make(copy, "generate").stdout
    return copy


def test_what_grows_is_right_without_a_template_being_touched(grown: Path) -> None:
    for template in (ROOT / "templates").rglob("*.jinja"):
        assert (grown / template.relative_to(ROOT)).read_bytes() == template.read_bytes()

    checked = make(grown, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr

    for command in (
        # Both clients, each on one kind of connections: the others take as long again.
        ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", "not trio and not aiohttp", "tests/contract"],
        ["examples/consumer.py"],
    ):
        python = grown / ".venv" / "bin" / "python"
        done = subprocess.run([python, *command], cwd=grown, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
