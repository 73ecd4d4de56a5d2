"""How the mock server finds operations, refuses requests and recognizes repetitions, with parameters in each place."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from runtime.fields import Fields
from runtime.mock.server import MockOperation, MockServer, ReceivedRequest
from runtime.models import BaseRequestModel
from runtime.types import Operation
from tests.unit.specification import SPECIFICATION, RequestDto, ResponseDto

APP_ID = {"x-app-id": "any"}
JSON = APP_ID | {"content-type": "Application/JSON; charset=utf-8"}
TEXT = APP_ID | {"content-type": "text/plain"}


def read_body(body: Mapping[str, Any]) -> RequestDto:
    if not isinstance(body["email"], str):
        raise TypeError("email must be a string")
    if "@" not in body["email"]:
        raise ValueError("email must be an address")
    return RequestDto(body["email"])


class Note(BaseRequestModel):
    """A body without fields."""

    @staticmethod
    def _describe_fields() -> Fields:
        return Fields()


READ = MockOperation(
    Operation("GET", "/cups/{cupId}/parts", ResponseDto, deduplication_interval=60),
    examples={},
    required=("kind", "x-trace-id"),
)
DELETE = MockOperation(Operation("DELETE", "/cups/{cupId}", ResponseDto), examples={200: {"message": "one"}})
DELETE_ALL = MockOperation(Operation("DELETE", "/cups/all", ResponseDto), examples={200: {"message": "all"}})
WRITE = MockOperation(
    Operation("POST", "/tea", ResponseDto, deduplication_interval=60),
    examples={
        200: {"statusCode": 200, "message": "OK", "requestId": "r", "expiresIn": 300},
        429: {"statusCode": 429, "message": "Too many.", "expiresIn": 300},
    },
    read_body=read_body,
    required=("email",),
)
NOTE = MockOperation(Operation("POST", "/cups/note", ResponseDto), examples={}, read_body=Note.from_dict)


@pytest.fixture
def server() -> MockServer:
    return MockServer([READ, DELETE, DELETE_ALL, WRITE, NOTE], SPECIFICATION)


def ask(server: MockServer, method: str, target: str, headers: Mapping[str, str] = APP_ID, body: bytes = b"") -> Any:
    """Return the API's response to a request."""
    return json.loads(server._respond(ReceivedRequest(method, target, headers, body)).content)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/cups/a%2Fb", "one"),
        ("/cups/all", "all"),
        ("/cups/all?x=1", "all"),
        ("/cups/", "There is no DELETE /cups/. There is: "),
        ("/cups/a/b", "There is no DELETE /cups/a/b. There is: "),
        ("//cups/all", "There is no DELETE //cups/all. There is: "),
        (
            "/tea",
            "There is no DELETE /tea. There is: DELETE /cups/all, POST /tea, POST /cups/note, GET /cups/{cupId}/parts, "
            "DELETE /cups/{cupId}.",
        ),
    ],
)
def test_an_operation_is_found_by_method_and_path(server: MockServer, target: str, message: str) -> None:
    assert ask(server, "DELETE", target)["message"].startswith(message)


def test_required_arguments_distinguish_requests(server: MockServer) -> None:
    def read(target: str, trace: str = "t") -> int:
        status_code: int = ask(server, "GET", target, APP_ID | {"x-trace-id": trace})["statusCode"]
        return status_code

    assert read("/cups/7/parts?kind=lid") == 200
    assert read("/cups/7/parts?kind=LID&limit=3") == 429
    assert read("/cups/8/parts?kind=lid") == 200
    assert read("/cups/7/parts?kind=handle") == 200
    assert read("/cups/7/parts?kind=lid", trace="u") == 200
    # Without an interval, each request is carried out.
    assert [ask(server, "DELETE", "/cups/7")["statusCode"] for _ in range(2)] == [200, 200]


def test_a_response_has_the_fields_of_its_example(server: MockServer) -> None:
    body = b'{"email": "a@b"}'
    sent, refused = (ask(server, "POST", "/tea", JSON, body) for _ in range(2))

    assert sent.keys() == {"statusCode", "message", "requestId", "expiresIn"}
    assert (sent["statusCode"], sent["message"], sent["expiresIn"]) == (200, "OK", 300)
    assert sent["requestId"] != "r"
    assert refused.keys() == {"statusCode", "message", "expiresIn"}
    assert refused["statusCode"] == 429


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "message"),
    [
        ("GET", "/cups/7/parts?kind=lid", {"x-trace-id": "t"}, b"", "The header x-app-id is missing."),
        ("GET", "/cups/7/parts?kind=lid", {"x-trace-id": "t", "x-app-id": ""}, b"", "The header x-app-id is missing."),
        ("GET", "/cups/7/parts", APP_ID | {"x-trace-id": "t"}, b"", "kind is missing."),
        ("GET", "/cups/7/parts?kind=lid", APP_ID, b"", "x-trace-id is missing."),
        ("POST", "/tea", JSON, b"", "email is missing."),
        ("POST", "/tea", JSON, b"{}", "email is missing."),
        ("POST", "/tea", JSON, b'{"email": 1}', "email must be a string."),
        ("POST", "/tea", JSON, b'{"email": "a"}', "email must be an address."),
        ("POST", "/cups/note", JSON, b'{"size": 1}', "the contract has no 'size' there."),
        ("POST", "/cups/note", TEXT, b"{}", "the content type must be application/json, not text/plain."),
        ("POST", "/cups/note", APP_ID, b"{}", "the content type must be application/json, not none."),
    ],
)
def test_an_invalid_request_is_refused_with_the_reason(
    server: MockServer, method: str, target: str, headers: Mapping[str, str], body: bytes, message: str
) -> None:
    response = ask(server, method, target, headers, body)
    assert response["message"].removeprefix("The request is not allowed: ") == message
    assert (response["statusCode"], response.keys()) == (400, {"statusCode", "message", "requestId"})
    assert server.sent == []


def test_a_body_that_is_not_a_json_object_is_refused(server: MockServer) -> None:
    for body in (b"[]", b"{", b"\xff", b"[" * 100_000):
        message = ask(server, "POST", "/cups/note", JSON, body)["message"]
        assert message == "The request is not allowed: the body must be a JSON object."


def test_an_optional_body_may_be_left_out(server: MockServer) -> None:
    assert ask(server, "POST", "/cups/note")["statusCode"] == 200
    assert server.received[0].json is None
    assert server.sent == []
    assert ask(server, "POST", "/cups/note", JSON, b"{}")["statusCode"] == 200
    assert server.sent == [{}]
