"""Properties of any response, any email and any options. Hypothesis draws the same examples in each run."""

import json
import zlib
from collections.abc import Generator
from typing import Any

import pytest
from genauth_email import (
    APIConnectionError,
    APITimeoutError,
    Channel,
    GenAuthError,
    Lang,
    SendEmailDto,
    SendEmailRespDto,
)
from genauth_email.api.email import send_email
from genauth_email.api.email.send_email import OPERATION
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.contract.facts import CHANNEL, SCHEMAS
from tests.servers.load import LoadServer, told
from tests.servers.raw import SUCCESS, http

# The drawn texts can look like an address, but are not secret.
pytestmark = pytest.mark.usefixtures("unwatched")

JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def server() -> Generator[LoadServer]:
    with LoadServer() as server:
        yield server


@pytest.fixture
def client(make_client: ClientFactory, server: LoadServer) -> BlockingClient:
    return make_client(server.url)


def outcome(client: BlockingClient, email: str) -> object:
    """Return the result of a call. Any other error fails the test, and so does a timeout."""
    try:
        return client.send_email(CHANNEL, email)
    except APITimeoutError:
        raise
    except GenAuthError as error:
        return error


# Any bytes at all as a response give a DTO or a GenAuthError

DTOS = st.fixed_dictionaries(
    {}, optional={name: JSON for name in SCHEMAS["SendEmailRespDto"]["properties"]}
) | st.fixed_dictionaries({"statusCode": st.integers(), "message": st.text()})
BODIES = st.binary() | JSON.map(json.dumps).map(str.encode) | DTOS.map(json.dumps).map(str.encode)
ENCODINGS = ("identity", "gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP", "none", "")
COMPRESSIONS = {"not": 0, "gzip": 31, "zlib": 15, "raw deflate": -15}


@st.composite
def http_answers(draw: st.DrawFn) -> tuple[int, bytes]:
    """Draw an HTTP status and a well-formed response with it."""
    status = draw(st.integers(100, 999) | st.sampled_from([200, 400, 401, 429, 500, 502, 503]))
    body = draw(BODIES)
    if wbits := COMPRESSIONS[draw(st.sampled_from(list(COMPRESSIONS)))]:
        compressor = zlib.compressobj(wbits=wbits)
        body = compressor.compress(body) + compressor.flush()
    if status in (204, 304):  # These have no body.
        body = b""
    value = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x10FFFF, codec="utf-8"), max_size=20)
    headers = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "content-type": value,
                "content-encoding": st.sampled_from(ENCODINGS) | value,
                "location": value,
                "set-cookie": value,
                # The client would wait for one that fits into the timeout.
                "retry-after": st.just("0") | value.filter(lambda text: not text.isdecimal()),
            },
        )
    )
    return status, http(status, body, headers)


def test_any_http_answer_is_a_dto_or_our_error(client: BlockingClient, drawing: settings) -> None:
    @drawing
    @given(http_answers())
    def check(drawn: tuple[int, bytes]) -> None:
        status, response = drawn
        # A response below 200 must be followed by another.
        final = status >= 200
        ended = outcome(client, told(response, close=not final))
        assert not (final and isinstance(ended, APIConnectionError))

    check()


@st.composite
def spliced(draw: st.DrawFn) -> bytes:
    """Draw a success with some of its bytes replaced."""
    begin = draw(st.integers(0, len(SUCCESS)))
    return SUCCESS[:begin] + draw(st.binary()) + SUCCESS[begin + draw(st.integers(0, 20)) :]


def test_any_bytes_on_the_wire_are_a_dto_or_our_error(client: BlockingClient, drawing: settings) -> None:
    @drawing
    @given(st.binary() | spliced() | st.lists(st.binary() | spliced(), max_size=3).map(b"".join))
    @example(b"HTTP/1.1 204 No Content\r\n\r\n")
    @example(b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000)
    @example(b"HTTP/1.1 200 OK\r\ncontent-length: 2, 3\r\n\r\n{}")
    @example(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n")
    @example(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n")
    @example(b"HTTP/1.1 000 None\r\n\r\n")
    @example(b"HTTP/0.9 200 OK\r\n\r\n")
    def check(response: bytes) -> None:
        outcome(client, told(response, close=True))

    check()


# Any response that the contract allows can be decoded and encoded to the same JSON. A failure may have its own model,
# with only the fields that failures share.


def allowed(schema: dict[str, Any]) -> SearchStrategy[Any]:
    """Return a strategy for the JSON that a schema of the contract allows."""
    match schema:
        case {"$ref": str(reference)}:
            return allowed(SCHEMAS[reference.rpartition("/")[2]])
        case {"anyOf": list(alternatives)}:
            return st.one_of(*map(allowed, alternatives))
        case {"enum": list(values)}:
            return st.sampled_from(values)
        case {"type": "string"}:
            return st.text()
        case {"type": "integer"}:
            # 200.0 is also an integer.
            return st.integers() | st.integers(-(2**53), 2**53).map(float)
        case {"type": "object", "properties": dict(properties), "required": list(required)}:
            fields = {name: allowed(each) for name, each in properties.items()}
            known = st.fixed_dictionaries(
                {name: fields[name] for name in required},
                optional={name: each for name, each in fields.items() if name not in required},
            )
            others = st.dictionaries(st.text().filter(lambda name: name not in fields), JSON, max_size=3)
            return st.builds(lambda known, others: others | known, known, others)
        case _:
            raise NotImplementedError(f"{schema}")


OF_FAILURES = {"statusCode", "message", "apiCode", "requestId"}


def canonical(document: object) -> str:
    """Return the same text for equal JSON: 1.0 equals 1, but `true` does not."""

    def number(text: str) -> float:
        value = float(text)
        return int(value) if value.is_integer() else value

    return json.dumps(json.loads(json.dumps(document), parse_float=number), sort_keys=True)


# Decoding comes after reading, so this does not depend on the transport. Nor do the tests below.
@before_transport
def test_any_response_that_the_contract_allows_survives_decoding_and_encoding(
    client: BlockingClient, drawing: settings
) -> None:
    @drawing
    @given(allowed(SCHEMAS["SendEmailRespDto"]))
    def check(document: dict[str, Any]) -> None:
        email = told(http(200, json.dumps(document).encode()), close=False)
        body = SendEmailDto(channel=Channel(CHANNEL), email=email)
        response = client.call(send_email, detailed=True, body=body)
        failure_model = OPERATION.failure_model if document["statusCode"] != 200 else None
        model: Any = failure_model or SendEmailRespDto
        assert type(response.parsed) is model
        expected = document
        if failure_model:
            expected = {name: value for name, value in document.items() if name in OF_FAILURES}
        assert canonical(response.parsed.to_dict()) == canonical(expected)

    check()


# Any string as an email reaches the server unchanged, or is refused before any I/O

# All of Unicode, and halves of surrogate pairs, which are not characters.
TEXTS = st.text() | st.text(st.characters(categories=["Cs"]) | st.characters())


@before_transport
def test_any_email_reaches_the_server_unchanged_or_is_refused_before_any_io(
    client: BlockingClient, drawing: settings
) -> None:
    def send(email: str) -> SendEmailRespDto:
        return client.send_email(CHANNEL, email)

    @drawing
    @given(TEXTS | st.emails())
    @example("")
    @example("\0")
    @example("a@example.com\r\nbcc: b@example.com")
    @example('"\\')
    @example("\U0001f4e7@example.com")
    @example("\ud83d@example.com")
    @example("\ud83d\udce7@example.com")
    def check(email: str) -> None:
        number = int(send("test@example.com").request_id or 0)
        try:
            response = send(email)
        except ValueError:
            # Nothing reached the server in between.
            assert send("test@example.com").request_id == f"{number + 1}"
        else:
            assert response.message == email
            assert response.request_id == f"{number + 1}"

    check()


# The last option that sets a header wins

HEADERS = {
    "app_id": "x-genauth-app-id",
    "access_token": "authorization",
    "lang": "x-genauth-lang",
    "real_ip": "x-real-ip",
}
PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)
PER_CALL: dict[str, SearchStrategy[str | None]] = {
    "access_token": st.none() | PRINTABLE,
    "lang": st.none() | st.sampled_from(Lang) | st.sampled_from(Lang).map(str),
    "real_ip": st.none() | st.ip_addresses().map(str),
}
OF_CLIENT: dict[str, SearchStrategy[str | None]] = {"app_id": PRINTABLE, **PER_CALL}


def headers_from(options: dict[str, str | None]) -> dict[str, str]:
    return {HEADERS[option]: value for option, value in options.items() if value is not None}


def headers_of(client: BlockingClient, **options: Any) -> dict[str, str]:
    """Return the headers from options that reach the server."""
    response = client.send_email(CHANNEL, "test@mirror.example.com", **options)
    lines = [line.partition(": ") for line in response.message.splitlines()]
    return {name.lower(): value for name, _, value in lines if name.lower() in HEADERS.values()}


STEPS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.fixed_dictionaries({}, optional=OF_CLIENT),
        st.fixed_dictionaries({}, optional=PER_CALL),
    ),
    min_size=1,
    max_size=6,
)


@before_transport
def test_a_header_has_the_last_value_that_was_set(client: BlockingClient, drawing: settings) -> None:
    @drawing
    @given(STEPS)
    def check(steps: list[tuple[int, dict[str, str | None], dict[str, str | None]]]) -> None:
        clients = [client]
        models: list[dict[str, str | None]] = [{"app_id": "app123"}]
        for parent, of_client, of_call in steps:
            parent %= len(clients)
            clients.append(clients[parent].with_options(**of_client))
            models.append(models[parent] | of_client)
            said: dict[str, str | None] = {option: value for option, value in of_call.items() if value is not None}
            assert headers_of(clients[-1], **of_call) == headers_from(models[-1] | said)
        # Deriving and calling did not change any client.
        for each, model in zip(clients, models, strict=True):
            assert headers_of(each) == headers_from(model)

    check()
