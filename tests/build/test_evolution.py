"""The contract grows, no template is touched, and what comes out is used through both clients.

The endpoints here are exercises: none of them is shipped.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from openapi_python_client.strings import PythonIdentifier
from ruamel.yaml import YAML

from scripts.generate import main
from tests.contract.facts import CHANNEL
from tests.contract.facts import SENT as OK
from tests.servers import Contract, MockServer
from tests.servers.raw import RawServer

from .conftest import ROOT, copy_repository, make

Schema = dict[str, Any]


def reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def responses_of(name: str) -> Schema:
    return {"200": {"description": "x", "content": {"application/json": {"schema": reference(name)}}}}


def response_dto(**fields: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["statusCode", "message"],
        "properties": {
            "statusCode": {"anyOf": [reference("StatusCode"), {"type": "integer"}]},
            "message": {"type": "string"},
            **fields,
        },
    }


def add_send_sms(contract: Schema, response: str) -> None:
    """Add an operation that is like send-email."""
    schemas = contract["components"]["schemas"]
    schemas["SmsChannel"] = {"type": "string", "enum": ["SMS_LOGIN", "SMS_REGISTER"]}
    schemas["SendSmsDto"] = {
        "type": "object",
        "required": ["channel", "phoneNumber"],
        "additionalProperties": False,
        "properties": {
            "channel": reference("SmsChannel"),
            "phoneNumber": {"type": "string"},
            "phoneCountryCode": {"type": "string"},
        },
    }
    contract["paths"]["/api/v3/send-sms"] = {
        "post": {
            "operationId": "sendSms",
            "tags": ["sms"],
            "summary": "Send an SMS to a user",
            "x-deduplication-interval": 60,
            "parameters": contract["paths"]["/api/v3/send-email"]["post"]["parameters"],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": reference("SendSmsDto")}},
            },
            "responses": responses_of(response),
        }
    }


def read(root: Path) -> Any:
    return YAML().load(root / "openapi.yaml")


def write(root: Path, contract: Any) -> None:
    YAML().dump(contract, root / "openapi.yaml")


def run(root: Path, program: str, *arguments: str) -> None:
    """Run a program with what was generated."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "generated")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def evolved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository whose contract has grown, after `make generate`."""
    copy = copy_repository(tmp_path_factory.mktemp("evolved") / "repository")
    contract = read(copy)
    schemas = contract["components"]["schemas"]
    channel = schemas["Channel"]
    channel["enum"] += ["CHANNEL_INVITE", "CHANNEL_GREET"]
    channel["x-enumDescriptions"] |= {"CHANNEL_INVITE": "Invite a user.", "CHANNEL_GREET": "Greet a user."}
    status_code = schemas["StatusCode"]
    status_code["enum"].append(451)
    status_code["x-enum-varnames"].append("LegalReasonsError")
    status_code["x-enumDescriptions"]["451"] = "The law forbids it."
    response = contract["paths"]["/api/v3/send-email"]["post"]["responses"]["200"]
    response["content"]["application/json"]["examples"]["LegalReasonsError"] = {
        "value": {"statusCode": 451, "message": ""}
    }
    schemas["SendEmailRespDto"]["properties"].update(
        expiresAt={"type": "string", "format": "date-time"},
        note={"type": ["string", "null"]},
        quota={
            "type": "object",
            "required": ["left"],
            "properties": {"left": {"type": "integer"}, "resetOn": {"type": "string", "format": "date"}},
        },
        warnings={"type": "array", "items": {"type": "string"}},
    )
    schemas["SendSmsRespDto"] = response_dto(sender={"type": "string"})
    add_send_sms(contract, "SendSmsRespDto")
    schemas["MessageRespDto"] = response_dto(data={"type": "object", "properties": {"id": {"type": "string"}}})
    contract["paths"]["/api/v3/messages/{messageId}/parts"] = {
        "parameters": [{"name": "messageId", "in": "path", "required": True, "schema": {"type": "string"}}],
        "get": {
            "operationId": "listMessageParts",
            "tags": ["sms"],
            "summary": "List the parts of a message",
            "parameters": [
                {"name": "limit", "in": "query", "schema": {"type": "integer"}},
                {"name": "since", "in": "query", "schema": {"type": "string", "format": "date-time"}},
                {"name": "search", "in": "query", "schema": {"type": "string"}},
                {"name": "kind", "in": "query", "required": True, "schema": reference("SmsChannel")},
                {"name": "x-trace-id", "in": "header", "schema": {"type": "string"}},
                {"name": "x-dry-run", "in": "header", "schema": {"type": "boolean"}},
                {"$ref": "#/components/parameters/lang"},
            ],
            "responses": responses_of("MessageRespDto"),
        },
        "delete": {
            "operationId": "deleteMessageParts",
            "tags": ["sms"],
            "responses": responses_of("SendSmsRespDto"),
        },
    }
    note = {"type": "object", "properties": {"text": {"type": "string"}}}
    contract["paths"]["/api/v3/ping"] = {
        "get": {"operationId": "ping", "responses": responses_of("SendSmsRespDto")},
        "post": {
            "operationId": "leaveNote",
            "requestBody": {"content": {"application/json": {"schema": note}}},
            "responses": responses_of("SendSmsRespDto"),
        },
    }
    write(copy, contract)

    done = make(copy, "generate")
    assert done.returncode == 0, done.stderr
    return copy


def test_no_template_was_touched(evolved: Path) -> None:
    for template in (ROOT / "templates").rglob("*.jinja"):
        assert (evolved / template.relative_to(ROOT)).read_bytes() == template.read_bytes()


# What a user writes who knows nothing of how the package came about.
PROGRAM = """\
import asyncio
import sys
from datetime import date, datetime, timezone
from typing import Any

from genauth_email import (
    AsyncAuthenticationClient,
    AuthenticationClient,
    Channel,
    LegalReasonsError,
    MessageRespDto,
    SendEmailDto,
    SendEmailRespDto,
    SendSmsDto,
    SendSmsRespDto,
    SmsChannel,
)
from genauth_email.api.email import send_email
from genauth_email.api.default import leave_note
from genauth_email.api.sms import list_message_parts, send_sms

EMAIL = SendEmailDto(channel=Channel.CHANNEL_INVITE, email="test@example.com")
SMS = SendSmsDto(channel=SmsChannel.SMS_LOGIN, phone_number="13800000000")
NONE: Any = "NONE"
SINCE = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def check_email(response: SendEmailRespDto) -> None:
    assert response.expires_at == SINCE
    assert response.note is None
    assert response.warnings == ["slow"]
    assert response.quota is not None
    assert response.quota.left == 7
    assert response.quota.reset_on == date(2030, 1, 2)
    assert SendEmailRespDto.from_dict(response.to_dict()) == response


def check_sms(response: SendSmsRespDto) -> None:
    assert response.status_code == 200
    assert response.sender is None


def check_parts(response: MessageRespDto) -> None:
    assert response.data is not None
    assert response.data.id == "m-1"


def check_error(error: LegalReasonsError) -> None:
    assert error.status_code == 451
    assert error.request_id is None
    assert error.api_code is None
    assert "451" in str(error)


def sync() -> None:
    with AuthenticationClient("app123", sys.argv[1]) as client:
        check_email(client.send_email("CHANNEL_INVITE", "test@example.com"))
        check_email(send_email.sync(client=client, body=EMAIL))
        check_email(send_email.sync_detailed(client=client, body=EMAIL).parsed)
        check_sms(client.send_sms("SMS_LOGIN", "13800000000", phone_country_code="+86", lang="en-US"))
        check_sms(send_sms.sync(client=client, body=SMS))
        check_sms(send_sms.sync_detailed(client=client, body=SMS).parsed)
        try:
            client.send_sms(SmsChannel.SMS_LOGIN, "13800000000")
        except LegalReasonsError as error:
            check_error(error)
        else:
            raise AssertionError
        check_parts(
            client.list_message_parts(
                "a/b c", kind="SMS_LOGIN", limit=3, since=SINCE, x_trace_id="t-1", x_dry_run=True
            )
        )
        check_parts(list_message_parts.sync("m-1", client=client, kind=SmsChannel.SMS_LOGIN))
        check_sms(client.delete_message_parts("m-1"))
        check_sms(client.ping())
        check_sms(client.leave_note(text="x"))
        check_sms(leave_note.sync(client=client))
        for message_id, kind in (("..", SmsChannel.SMS_LOGIN), ("", SmsChannel.SMS_LOGIN), ("m-1", NONE)):
            try:
                client.list_message_parts(message_id, kind=kind)
            except ValueError:
                continue
            raise AssertionError


async def asynchronous() -> None:
    async with AsyncAuthenticationClient("app123", sys.argv[1]) as client:
        check_email(await client.send_email("CHANNEL_INVITE", "test@example.com"))
        check_email(await send_email.asyncio(client=client, body=EMAIL))
        check_email((await send_email.asyncio_detailed(client=client, body=EMAIL)).parsed)
        check_sms(await client.send_sms("SMS_LOGIN", "13800000000", phone_country_code="+86", lang="en-US"))
        check_sms(await send_sms.asyncio(client=client, body=SMS))
        check_sms((await send_sms.asyncio_detailed(client=client, body=SMS)).parsed)
        try:
            await client.send_sms(SmsChannel.SMS_LOGIN, "13800000000")
        except LegalReasonsError as error:
            check_error(error)
        else:
            raise AssertionError
        check_parts(
            await client.list_message_parts(
                "a/b c", kind="SMS_LOGIN", limit=3, since=SINCE, x_trace_id="t-1", x_dry_run=True
            )
        )
        check_parts(await list_message_parts.asyncio("m-1", client=client, kind=SmsChannel.SMS_LOGIN))
        check_sms(await client.delete_message_parts("m-1"))
        check_sms(await client.ping())
        check_sms(await client.leave_note(text="x"))
        check_sms(await leave_note.asyncio(client=client))
        for message_id, kind in (("..", SmsChannel.SMS_LOGIN), ("", SmsChannel.SMS_LOGIN), ("m-1", NONE)):
            try:
                await client.list_message_parts(message_id, kind=kind)
            except ValueError:
                continue
            raise AssertionError


if sys.argv[2] == "sync":
    sync()
else:
    asyncio.run(asynchronous())
"""


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_comes_out_is_used_through_both_clients(evolved: Path, kind: str) -> None:
    email = OK | {
        "expiresAt": "2030-01-02T03:04:05Z",
        "note": None,
        "quota": {"left": 7, "resetOn": "2030-01-02"},
        "warnings": ["slow"],
    }
    with MockServer(Contract(evolved / "openapi.yaml")) as mock_server:
        responses = [email] * 3 + [OK] * 3 + [{"statusCode": 451, "message": ""}]
        for response in responses + [OK | {"data": {"id": "m-1"}}] * 2 + [OK] * 4:
            mock_server.respond_next(response)
        run(evolved, PROGRAM, mock_server.url, kind)

    requests = mock_server.received
    assert [request.json for request in requests[:7]] == [
        *[{"channel": "CHANNEL_INVITE", "email": "test@example.com"}] * 3,
        {"channel": "SMS_LOGIN", "phoneNumber": "13800000000", "phoneCountryCode": "+86"},
        *[{"channel": "SMS_LOGIN", "phoneNumber": "13800000000"}] * 3,
    ]
    parts = "/api/v3/messages/a%2Fb%20c/parts?limit=3&since=2030-01-02T03%3A04%3A05%2B00%3A00&kind=SMS_LOGIN"
    assert [(request.method, request.target) for request in requests[7:]] == [
        ("GET", parts),
        ("GET", "/api/v3/messages/m-1/parts?kind=SMS_LOGIN"),
        ("DELETE", "/api/v3/messages/m-1/parts"),
        ("GET", "/api/v3/ping"),
        ("POST", "/api/v3/ping"),
        ("POST", "/api/v3/ping"),
    ]
    assert [request.body for request in requests[7:]] == [b"", b"", b"", b"", b'{"text":"x"}', b""]
    assert requests[3].headers["x-genauth-lang"] == "en-US"
    assert requests[7].headers["x-trace-id"] == "t-1"
    assert requests[7].headers["x-dry-run"] == "true"
    assert "x-trace-id" not in requests[8].headers
    assert all(request.headers["x-genauth-app-id"] == "app123" for request in requests)


# In a URL all of it is encoded. A header cannot have any of it.
HOSTILE_ARGUMENTS = [
    "a\r\nx-injected: 1",
    "a\rb",
    "a\n",
    "\0",
    "\x7f",
    "\x85",
    "\u2028",
    "é",
    "🎂",
    " a",
    "a ",
]
USE_HOSTILE_ARGUMENTS = f"""\
import sys
import anyio
from genauth_email import AsyncAuthenticationClient, AuthenticationClient

async def use(client):
    async def parts(message_id, **options):
        response = client.list_message_parts(message_id, kind="SMS_LOGIN", **options)
        return await response if isinstance(client, AsyncAuthenticationClient) else response

    async def is_rejected(message_id, **options):
        try:
            await parts(message_id, **options)
        except ValueError:
            return
        raise AssertionError(options)

    for value in {HOSTILE_ARGUMENTS}:
        await parts(value, search=value)
        await is_rejected("m-1", x_trace_id=value)
    # Half a character cannot even be encoded.
    await is_rejected("\\udcff")
    await is_rejected("m-1", search="\\udcff")
    await is_rejected("m-1", x_trace_id="\\udcff")

async def main():
    if sys.argv[2] == "sync":
        with AuthenticationClient("app123", sys.argv[1]) as client:
            await use(client)
    else:
        async with AsyncAuthenticationClient("app123", sys.argv[1]) as client:
            await use(client)

anyio.run(main)
"""


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_no_argument_of_what_came_out_gets_out_of_its_place(evolved: Path, kind: str) -> None:
    with RawServer() as server:
        run(evolved, USE_HOSTILE_ARGUMENTS, server.url, kind)
        requests = [request.split(b"\r\n") for request in server.finish()]

    urls = [urlsplit(first.split()[1].decode("ascii")) for first, *_ in requests]
    seen = [(unquote(url.path.split("/")[4]), parse_qs(url.query)["search"]) for url in urls]
    assert seen == [(value, [value]) for value in HOSTILE_ARGUMENTS]
    assert {len(lines) for lines in requests} == {len(requests[0])}


def test_the_mock_server_of_users_serves_what_the_contract_gained(evolved: Path) -> None:
    program = """\
import httpx
from genauth_email import AuthenticationClient, LegalReasonsError, SendSmsDto, ThrottleError
from genauth_email.api.sms import send_sms
from genauth_email.testing import api_error, mock_genauth

assert isinstance(api_error(451), LegalReasonsError)
with mock_genauth() as server, AuthenticationClient("app123", server.url) as client:
    client.send_sms("SMS_LOGIN", "13800000000")
    client.send_sms("SMS_LOGIN", "13800000001", phone_country_code="+86")
    try:
        client.send_sms("SMS_LOGIN", "13800000000", phone_country_code="+86")
    except ThrottleError:
        client.send_sms("SMS_REGISTER", "13800000000")
        client.send_email("CHANNEL_INVITE", "13800000000")
    else:
        raise AssertionError
    try:
        send_sms.sync(client=client, body=SendSmsDto("SMS_LOGIN", "13800000000", 86))
    except TypeError as error:
        assert str(error) == "phone_country_code must be a string, not int"
    else:
        raise AssertionError
    sms = {"channel": "SMS_LOGIN", "phoneNumber": "13800000002"}
    for wrong in ({"phoneCountryCode": 86}, {"channel": "CHANNEL_INVITE"}):
        headers = {"x-genauth-app-id": "app123"}
        refused = httpx.post(server.url + "/api/v3/send-sms", json=sms | wrong, headers=headers).json()
        assert (refused["statusCode"], "is not allowed" in refused["message"]) == (400, True)
    client.list_message_parts("a/b", kind="SMS_LOGIN")
    client.delete_message_parts("m-1")
    client.ping()
    client.leave_note()
    client.leave_note(text="x")
    server.fail_next(status_code=451)
    try:
        client.ping()
    except LegalReasonsError:
        pass
    else:
        raise AssertionError
    assert server.received[7].path == "/api/v3/messages/a%2Fb/parts"
    assert server.sent[1] == {"channel": "SMS_LOGIN", "phoneNumber": "13800000001", "phoneCountryCode": "+86"}
"""
    run(evolved, program)


# ---------------------------------------------------------------- smaller steps, each on its own


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The inputs alone."""
    for name in ("openapi.yaml", "generator-config.yml", "templates", "runtime", "examples", "CHANGELOG.md", "LICENSE"):
        (tmp_path / name).symlink_to(ROOT / name)
    contract = read(tmp_path)
    (tmp_path / "openapi.yaml").unlink()
    write(tmp_path, contract)
    return tmp_path


USE_SMS = """\
import sys
from genauth_email import APIError, AuthenticationClient, ThrottleError
with AuthenticationClient("app123", sys.argv[1]) as client:
    response = client.send_sms("SMS_LOGIN", "13800000000")
    assert type(response).__name__ == sys.argv[2]
    try:
        client.send_sms("SMS_LOGIN", "13800000000")
    except ThrottleError as error:
        assert (error.api_code, error.request_id) == tuple(eval(sys.argv[3]))
    else:
        raise AssertionError
"""


@pytest.mark.parametrize(
    ("name", "dto", "response", "kept"),
    [
        ("SendEmailRespDto", None, {"apiCode": 2005, "requestId": "r-1"}, (2005, "r-1")),
        (
            "SendSmsRespDto",
            response_dto(apiCode={"type": "integer"}, requestId={"type": "string"}),
            {"apiCode": 7, "requestId": "r-1"},
            (7, "r-1"),
        ),
        ("SendSmsRespDto", response_dto(), {}, (None, None)),
        (
            "SendSmsRespDto",
            {
                "type": "object",
                "required": ["statusCode", "message"],
                "properties": {"statusCode": {"type": "integer"}, "message": {"type": "string"}},
            },
            {},
            (None, None),
        ),
        (
            "SendSmsRespDto",
            {"allOf": [reference("SendEmailRespDto"), {"properties": {"extra": {"type": "boolean"}}}]},
            {"apiCode": 7, "requestId": "r-1", "extra": True},
            (7, "r-1"),
        ),
    ],
)
def test_an_endpoint_has_a_response_model_of_its_own_or_anothers(
    root: Path,
    name: str,
    dto: Schema | None,
    response: Mapping[str, Any],
    kept: tuple[int | None, str | None],
) -> None:
    contract = read(root)
    if dto is not None:
        contract["components"]["schemas"][name] = dto
    add_send_sms(contract, name)
    write(root, contract)
    assert main([], root) == 0

    with MockServer(Contract(root / "openapi.yaml")) as mock_server:
        mock_server.respond_next(OK)
        mock_server.respond_next({"statusCode": 429, "message": "", **response})
        run(root, USE_SMS, mock_server.url, name, repr(kept))


def test_a_required_field_can_have_a_default(root: Path) -> None:
    contract = read(root)
    fields = contract["components"]["schemas"]["SendEmailDto"]["properties"]
    fields["channel"] = {"allOf": [reference("Channel")], "default": CHANNEL}
    write(root, contract)
    assert main([], root) == 0
    run(
        root,
        f"""\
from genauth_email import Channel, SendEmailDto
assert SendEmailDto(email="a@example.com", channel=Channel.{CHANNEL}).to_dict() == {{
    "channel": "{CHANNEL}", "email": "a@example.com"
}}
""",
    )


# Names that are not the contract's alone: of the functions, the arguments and the modules around them.
EVERYDAY_NAMES = [
    "answer", "array", "boolean", "client", "cls", "copy", "d", "d_1", "data", "date", "datetime", "encode",
    "field", "field_dict", "from", "headers", "id", "integer", "json", "list", "masked", "name", "null",
    "number", "one_of", "params", "quote", "request", "response", "self", "src_dict", "str", "string", "type",
    "types", "url", "uuid", "value",
]  # fmt: skip


def test_everyday_names_can_be_fields(root: Path) -> None:
    contract = read(root)
    fields = {name: {"type": "string"} for name in EVERYDAY_NAMES}
    fields["date"] = {"type": "string", "format": "date"}
    schemas = contract["components"]["schemas"]
    schemas["SendEmailDto"]["properties"].update(fields)
    schemas["SendEmailRespDto"]["properties"].update(fields)
    write(root, contract)
    assert main([], root) == 0
    run(
        root,
        f"""\
from genauth_email import SendEmailDto, SendEmailRespDto
names = {{name: name for name in {EVERYDAY_NAMES}}} | {{"date": "2030-01-02"}}
for dto, required in (
    (SendEmailDto, {{"channel": "{CHANNEL}", "email": "a@example.com"}}),
    (SendEmailRespDto, {OK}),
):
    assert dto.from_dict(required | names).to_dict() == required | names
""",
    )


def test_everyday_names_can_be_arguments(root: Path) -> None:
    contract = read(root)
    fields = {name: {"type": "string"} for name in EVERYDAY_NAMES}
    contract["components"]["schemas"]["SendEmailDto"]["properties"].update(fields)
    write(root, contract)
    assert main([], root) == 0
    arguments = {str(PythonIdentifier(name, "field_")): name for name in EVERYDAY_NAMES}
    run(
        root,
        f"""\
import asyncio, json
import httpx
from genauth_email import AsyncAuthenticationClient, AuthenticationClient

def respond(request):
    assert json.loads(request.content) == {{"channel": "{CHANNEL}", "email": "a@example.com"}} | names
    return httpx.Response(200, json={OK})

async def call_async():
    http_client = httpx.AsyncClient(transport=transport)
    async with http_client, AsyncAuthenticationClient("app123", http_client=http_client) as client:
        await client.send_email("{CHANNEL}", "a@example.com", **arguments)

names = {{name: name for name in {EVERYDAY_NAMES}}}
arguments = {arguments}
transport = httpx.MockTransport(respond)
http_client = httpx.Client(transport=transport)
with http_client, AuthenticationClient("app123", http_client=http_client) as client:
    client.send_email("{CHANNEL}", "a@example.com", **arguments)
asyncio.run(call_async())
""",
    )


KINDS: dict[str, tuple[Schema, object]] = {
    "uuid": ({"type": "string", "format": "uuid"}, "3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
    "date": ({"type": "string", "format": "date"}, "2030-01-02"),
    "dateTime": ({"type": "string", "format": "date-time"}, "2030-01-02T03:04:05+00:00"),
    "number": ({"type": "number"}, 1.5),
    "boolean": ({"type": "boolean"}, True),
    "nullableInteger": ({"type": ["integer", "null"]}, None),
    "lists": (
        {"type": "array", "items": {"type": "array", "items": {"type": "string", "format": "date"}}},
        [["2030-01-02"]],
    ),
    "nullableObject": (
        {"oneOf": [reference("SendEmailDto"), {"type": "null"}]},
        {"channel": CHANNEL, "email": "test@example.com"},
    ),
    "listOfValues": ({"type": "array", "items": reference("Channel")}, [CHANNEL]),
    "map": ({"type": "object", "additionalProperties": {"type": "string"}}, {"a": "b"}),
    "anything": ({}, {"any": ["thing", 1, None]}),
    "ownKind": ({"type": "array", "items": reference("SendEmailRespDto")}, [OK]),
    "strings": ({"type": "string", "enum": ["b", "a"]}, "a"),
    "integers": ({"type": "integer", "enum": [1, -2]}, -2),
}


def test_the_mock_server_of_users_takes_a_field_of_any_kind(root: Path) -> None:
    contract = read(root)
    schemas = contract["components"]["schemas"]
    kinds = {name: schema for name, (schema, _) in KINDS.items() if name != "nullableObject"}
    kinds["nullableObject"] = {"oneOf": [reference("SendEmailRespDto"), {"type": "null"}]}
    schemas["SendEmailDto"]["properties"].update(kinds)
    # What is said once, and referred to.
    content = contract["paths"]["/api/v3/send-email"]["post"]["responses"].pop("200")
    contract["paths"]["/api/v3/send-email"]["post"]["responses"]["200"] = {"$ref": "#/components/responses/Sent"}
    examples = content["content"]["application/json"]["examples"]
    contract["components"]["responses"] = {"Sent": content}
    contract["components"]["examples"] = {"OK": examples["OK"]}
    examples["OK"] = {"$ref": "#/components/examples/OK"}
    write(root, contract)
    assert main([], root) == 0
    body = {name: value for name, (_, value) in KINDS.items()} | {"nullableObject": OK}
    run(
        root,
        f"""\
from genauth_email import AuthenticationClient, InvalidArgumentError, SendEmailDto
from genauth_email.api.email import send_email
import httpx
from genauth_email.testing import mock_genauth, send_email_response
assert send_email_response().message == "Operation successful"
body = {body!r} | {{"channel": "{CHANNEL}", "email": "test@example.com"}}
with mock_genauth() as server, AuthenticationClient("app123", server.url) as client:
    send_email.sync(client=client, body=SendEmailDto.from_dict(body))
    for name in {[name for name in KINDS if name not in ("map", "anything")]}:
        wrong = body | {{"email": name, name: {{"x": 1}}}}
        headers = {{"x-genauth-app-id": "app123"}}
        refused = httpx.post(server.url + "/api/v3/send-email", json=wrong, headers=headers).json()
        assert refused["statusCode"] == 400, name
    assert server.sent == [body]
""",
    )


def test_a_field_of_any_kind_encodes_to_what_was_decoded(root: Path) -> None:
    contract = read(root)
    contract["components"]["schemas"]["SendEmailRespDto"]["properties"].update(
        {name: schema for name, (schema, _) in KINDS.items()}
    )
    write(root, contract)
    assert main([], root) == 0
    response = OK | {name: value for name, (_, value) in KINDS.items()}
    run(
        root,
        f"""\
from genauth_email import SendEmailRespDto
response = {response!r}
decoded = SendEmailRespDto.from_dict(response)
# What is null is absent for an optional field.
assert decoded.to_dict() == {{name: value for name, value in response.items() if value is not None}}
assert decoded.additional_properties == {{}}
for name in {list(KINDS)}:
    # An object can have any field, and the others are of one type.
    if name not in ("map", "anything"):
        try:
            SendEmailRespDto.from_dict(response | {{name: {{"x": 1}}}})
        except (TypeError, ValueError, KeyError):
            continue
        raise AssertionError(name)
""",
    )
