"""A violation of the contract fails the test that caused it, and a test can set any response."""

import json
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import httpx
import pytest
from genauth_email._runtime.mock.server import Reply
from genauth_email.testing import ReceivedRequest

from tests.contract.facts import CHANNEL, EXAMPLES
from tests.servers import Contract, MockServer

pytest_plugins = ["pytester"]

PATH = "/api/v3/send-email"
BODY = {"channel": CHANNEL, "email": "test@example.com"}


def test_an_issue_fails_the_test_that_caused_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.servers.fixtures import contract, mock_server")
    pytester.makepyfile("""
        import httpx
        import pytest

        from tests.contract.facts import CHANNEL

        @pytest.fixture
        def send(mock_server):
            def send(**changes):
                body = {"channel": CHANNEL, "email": "test@example.com"} | changes
                headers = {"x-genauth-app-id": "app123"}
                with httpx.Client(headers=headers, trust_env=False) as http:
                    http.post(mock_server.url + "/api/v3/send-email", json=body)
            return send

        def test_nothing_bad(send):
            send()

        def test_bad_request(send):
            send(channel="CHANNEL_NONE")

        def test_bad_response(mock_server, send):
            mock_server.respond_next({"statusCode": "200"})
            send()

        def test_bad_response_on_purpose(mock_server, send):
            mock_server.respond_next({"statusCode": "200"}, validate=False)
            send()

        def test_bad_request_on_purpose(mock_server, send):
            with pytest.raises(LookupError), mock_server.expect_issue("'CHANNEL_NONE' is not one of"):
                send(channel="CHANNEL_NONE")
                raise LookupError

        def test_another_bad_request_than_expected(mock_server, send):
            with mock_server.expect_issue("'CHANNEL_OTHER' is not one of"):
                send(channel="CHANNEL_NONE")

        def test_no_bad_request_where_one_was_expected(mock_server, send):
            with mock_server.expect_issue("is not one of"):
                send()

        def test_a_bad_response_beside_a_bad_request_on_purpose(mock_server, send):
            mock_server.respond_next({"statusCode": 200})
            with mock_server.expect_issue("'CHANNEL_NONE' is not one of"):
                send(channel="CHANNEL_NONE")
    """)
    result = pytester.runpytest_inprocess("-rfE", "--no-header")
    failed = [
        line.split(" - ")[0].split("::")[-1] for line in result.outlines if line.startswith(("ERROR t", "FAILED t"))
    ]
    assert sorted(failed) == [
        "test_a_bad_response_beside_a_bad_request_on_purpose",
        "test_another_bad_request_than_expected",
        "test_another_bad_request_than_expected",
        "test_bad_request",
        "test_bad_response",
        "test_no_bad_request_where_one_was_expected",
    ]
    result.assert_outcomes(passed=6, failed=2, errors=4)
    result.stdout.fnmatch_lines(
        [
            "*request POST /api/v3/send-email: $.channel: 'CHANNEL_NONE' is not one of *",
            "*response to POST /api/v3/send-email: $: 'message' is a required property; "
            "$.statusCode: '200' is not valid under any of the given schemas",
        ]
    )


def request(**changes: Any) -> ReceivedRequest:
    """Return a request that the contract allows, except for `changes`. A header that is None is left out."""
    headers = {"content-type": "application/json", "x-genauth-app-id": "any"} | changes.pop("headers", {})
    parts: dict[str, Any] = {"method": "POST", "target": PATH, "body": json.dumps(BODY).encode()}
    kept = {name: value for name, value in headers.items() if value is not None}
    return ReceivedRequest(**parts | changes, headers=kept)


def reply(content: object, http_status: int = 200, content_type: str = "application/json") -> Reply:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Reply(http_status, {"content-type": content_type}, body)


ALLOWED_HEADERS = [
    {},
    {"authorization": "token"},
    {"x-genauth-lang": "ja-JP", "x-real-ip": "2001:db8::9"},
    {"x-genauth-request-from": "sdk", "x-genauth-sdk-version": "python:5.1.0"},
    {"content-type": "application/json; charset=utf-8"},
    {"x-of-a-proxy": "any"},
]


def test_a_request_is_allowed(contract: Contract) -> None:
    for headers in ALLOWED_HEADERS:
        assert contract.validate_request(request(headers=headers)) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"target": "/"}, "Path not found"),
        ({"target": PATH + "/"}, "Path not found"),
        ({"target": "/" + PATH}, "Server not found"),
        ({"target": "/tenant" + PATH}, "Server not found"),
        ({"method": "GET"}, "Operation get not found"),
        ({"headers": {"x-genauth-app-id": None}}, "Security not found"),
        ({"headers": {"x-genauth-app-id": None, "authorization": "token"}}, "Security not found"),
        ({"headers": {"x-genauth-lang": "en"}}, "x-genauth-lang: $: 'en' is not one of"),
        ({"headers": {"content-type": "text/plain"}}, "mimetype not found: text/plain"),
        ({"headers": {"content-type": None}}, "mimetype not found"),
        ({"headers": {"content-type": "application/json;"}}, "openapi-core failed with ValueError"),
        ({"body": b""}, "Missing required request body"),
        ({"body": b"{"}, "Failed to deserialize"),
        ({"body": b'"\xff"'}, "openapi-core failed with UnicodeDecodeError"),
        ({"body": b"[]"}, "$: [] is not of type 'object'"),
        ({"body": b"{}"}, "$: 'channel' is a required property; $: 'email' is a required property"),
        ({"body": json.dumps(BODY | {"email": 1}).encode()}, "$.email: 1 is not of type 'string'"),
        ({"body": json.dumps(BODY | {"lang": "en-US"}).encode()}, "('lang' was unexpected)"),
    ],
)
def test_a_request_is_not_allowed(contract: Contract, changes: dict[str, Any], reason: str) -> None:
    assert reason in "; ".join(contract.validate_request(request(**changes)))


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (reply({"statusCode": 200}), "$: 'message' is a required property"),
        (reply({"message": ""}), "$: 'statusCode' is a required property"),
        (reply({"statusCode": "200", "message": ""}), "$.statusCode: '200' is not valid"),
        (reply({"statusCode": 403, "message": "", "apiCode": None}), "$.apiCode: None is not valid"),
        (reply({"statusCode": 403, "message": "", "requestId": 1}), "$.requestId: 1 is not of type"),
        (reply({"statusCode": 502, "message": ""}, 502), "Unknown response http status: 502"),
        (reply([]), "$: [] is not of type 'object'"),
        (reply(b"{"), "Failed to deserialize"),
        (reply(b"<h1>", content_type="text/html"), "mimetype not found: text/html"),
        (reply(b""), "Missing response data"),
    ],
)
def test_a_response_is_not_allowed(contract: Contract, response: Reply, reason: str) -> None:
    assert reason in "; ".join(contract.validate_response(request(), response))


def test_queued_responses_come_in_turn_before_the_usual_ones(http: httpx.Client, mock_server: MockServer) -> None:
    mock_server.respond_next({"statusCode": 777, "message": "", "apiCode": 1, "novelty": {"a": None}})
    mock_server.respond_next(EXAMPLES["ThrottleError"])

    codes = [http.post(PATH, json=BODY).json()["statusCode"] for _ in range(4)]
    assert codes == [777, 429, 200, 429]


def test_a_queued_response_may_be_anything_whatever_the_request(http: httpx.Client, mock_server: MockServer) -> None:
    headers = {"content-type": "text/html", "retry-after": "7"}
    mock_server.respond_next(b"<h1>Bad gateway", http_status=502, headers=headers, validate=False)
    with mock_server.expect_issue("request GET /"):
        response = http.get("/")
    assert (response.status_code, response.content) == (502, b"<h1>Bad gateway")
    assert headers.items() <= dict(response.headers).items()


@pytest.mark.parametrize(
    ("changes", "issue", "status_code"),
    [
        ({"headers": {"x-genauth-app-id": ""}}, None, 400),
        ({"json": {"channel": CHANNEL}}, "'email' is a required property", 400),
        ({"method": "GET"}, "Operation get not found", 404),
    ],
)
def test_a_refusal_by_the_server_itself_is_not_an_issue_of_the_response(
    http: httpx.Client, mock_server: MockServer, changes: dict[str, Any], issue: str | None, status_code: int
) -> None:
    with mock_server.expect_issue(issue) if issue else nullcontext():
        response = http.request(**{"method": "POST", "url": PATH, "json": BODY} | changes)
    assert response.json()["statusCode"] == status_code


def test_the_clock_stands_still_until_it_is_advanced(http: httpx.Client, mock_server: MockServer) -> None:
    http.post(PATH, json=BODY)
    mock_server.advance(59.999)
    assert http.post(PATH, json=BODY).json()["statusCode"] == 429
    mock_server.advance(0.001)
    assert http.post(PATH, json=BODY).json()["statusCode"] == 200


def test_a_request_can_be_carried_out_with_another_response(http: httpx.Client, mock_server: MockServer) -> None:
    mock_server.respond_next(b"", http_status=502, validate=False, carry_out=True)
    mock_server.respond_next(b"", http_status=502, validate=False)
    assert [http.post(PATH, json=BODY | {"email": email}).status_code for email in ("a@b.c", "d@e.f")] == [502, 502]
    assert [email["email"] for email in mock_server.sent] == ["a@b.c"]
    assert len(mock_server.received) == 2


def test_a_gateway_in_front_can_change_a_request(http: httpx.Client, mock_server: MockServer) -> None:
    mock_server.in_front = lambda request: replace(request, target=PATH)
    assert http.post("/elsewhere", json=BODY).json()["statusCode"] == 200
    assert mock_server.received[0].path == PATH


@pytest.mark.parametrize("_", range(2))
def test_each_test_has_its_own_mock_server(http: httpx.Client, mock_server: MockServer, _: int) -> None:
    assert mock_server.received == []
    assert http.post(PATH, json=BODY).json()["statusCode"] == 200
