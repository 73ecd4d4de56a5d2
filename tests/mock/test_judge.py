"""A request or a response that violates the contract fails the test that caused it."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest
from genauth_email._runtime.mock.server import Reply
from genauth_email.testing import ReceivedRequest

from tests.contract.facts import CHANNEL
from tests.servers import Contract, MockServer

PATH = "/api/v3/send-email"
BODY = {"channel": CHANNEL, "email": "test@example.com"}
JSON = {"content-type": "application/json"}
HEADERS = JSON | {"x-genauth-app-id": "any"}
ALLOWED = ReceivedRequest("POST", PATH, HEADERS, json.dumps(BODY).encode())
WRONG_CHANNEL = "'CHANNEL_NONE' is not one of"
NOT_ALLOWED = "the contract does not allow:"


def send(server: MockServer, **changes: Any) -> None:
    request = {"method": "POST", "headers": HEADERS, "json": BODY} | changes
    # No proxy from the environment, and no TLS, because loading certificates would take most of a test's time.
    httpx.request(url=server.url + PATH, trust_env=False, verify=False, **request)


def send_wrong_channel(server: MockServer) -> None:
    send(server, json=BODY | {"channel": "CHANNEL_NONE"})


def respond_wrongly(server: MockServer) -> None:
    server.respond_next({"statusCode": "200"})
    send(server)


def respond_wrongly_on_purpose(server: MockServer) -> None:
    server.respond_next({"statusCode": "200"}, validate=False)
    send(server)


def fail(_: MockServer) -> None:
    raise LookupError("the test's own failure")


@pytest.mark.parametrize(
    ("steps", "expected", "failure"),
    [
        ([send, respond_wrongly_on_purpose], None, "none"),
        ([send_wrong_channel], WRONG_CHANNEL, "none"),
        # The server's own refusals are responses that the contract allows.
        ([partial(send, headers={"x-genauth-app-id": ""})], None, "none"),
        ([partial(send, method="GET")], "Operation get not found", "none"),
        ([send_wrong_channel], None, f"{NOT_ALLOWED}\nrequest POST {PATH}: $.channel: {WRONG_CHANNEL} "),
        ([respond_wrongly], None, f"{NOT_ALLOWED}\nresponse to POST {PATH}: $: 'message' is a required property; $.s"),
        ([send_wrong_channel, respond_wrongly], WRONG_CHANNEL, f"{NOT_ALLOWED}\nresponse to "),
        ([respond_wrongly], WRONG_CHANNEL, f"no issue contains {WRONG_CHANNEL!r}; the issues are ["),
        ([send_wrong_channel, fail], None, "the test's own failure"),
        ([send_wrong_channel, fail], WRONG_CHANNEL, "the test's own failure"),
    ],
)
def test_an_unexpected_violation_is_the_failure_of_a_test(
    contract: Contract, steps: list[Callable[[MockServer], object]], expected: str | None, failure: str
) -> None:
    caught = "none"
    try:
        with MockServer(contract) as server, server.expect_issue(expected) if expected else nullcontext():
            for step in steps:
                step(server)
    except (AssertionError, LookupError) as error:
        caught = str(error.args[0])
    assert caught.startswith(failure)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"target": PATH + "/"}, "Path not found"),
        ({"target": "/" + PATH}, "Server not found"),
        ({"method": "GET"}, "Operation get not found"),
        ({"headers": JSON}, "Security not found"),
        ({"headers": HEADERS | {"x-genauth-lang": "en"}}, "x-genauth-lang: $: 'en' is not one of"),
        ({"headers": HEADERS | {"content-type": "text/plain"}}, "mimetype not found: text/plain"),
        ({"headers": HEADERS | {"content-type": "application/json;"}}, "openapi-core failed with ValueError"),
        ({"body": b""}, "Missing required request body"),
        ({"body": b'"\xff"'}, "openapi-core failed with UnicodeDecodeError"),
        ({"body": b"{}"}, "$: 'channel' is a required property; $: 'email' is a required property"),
        ({"body": json.dumps(BODY | {"email": 1}).encode()}, "$.email: 1 is not of type 'string'"),
        ({"body": json.dumps(BODY | {"lang": "en-US"}).encode()}, "('lang' was unexpected)"),
    ],
)
def test_a_request_is_not_allowed(contract: Contract, changes: dict[str, Any], reason: str) -> None:
    assert reason in "; ".join(contract.validate_request(replace(ALLOWED, **changes)))


@pytest.mark.parametrize(
    ("http_status", "headers", "content", "reason"),
    [
        (200, JSON, b'{"message": ""}', "$: 'statusCode' is a required property"),
        (200, JSON, b'{"statusCode": 403, "message": "", "apiCode": null}', "$.apiCode: None is not valid"),
        (502, JSON, b'{"statusCode": 502, "message": ""}', "Unknown response http status: 502"),
        (200, JSON, b"[]", "$: [] is not of type 'object'"),
        (200, JSON, b"{", "Failed to deserialize"),
        (200, {"content-type": "text/html"}, b"<h1>", "mimetype not found: text/html"),
        (200, JSON, b"", "Missing response data"),
    ],
)
def test_a_response_is_not_allowed(
    contract: Contract, http_status: int, headers: dict[str, str], content: bytes, reason: str
) -> None:
    response = Reply(http_status, headers, content)
    assert reason in "; ".join(contract.validate_response(ALLOWED, response))
