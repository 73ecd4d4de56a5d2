"""With `retry_unknown`, a call that may have been carried out is repeated within the minute."""

from typing import Any

import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    APITimeoutError,
    BadGatewayError,
    ForbiddenError,
    GenAuthError,
    InvalidResponseError,
    SendEmailRespDto,
    ServerError,
    ServiceUnavailableError,
    ThrottleError,
)
from genauth_email.api.email import send_email
from genauth_email.types import Operation

from tests.clients import ClientFactory, before_transport
from tests.clock import Clock
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .helpers import BODY, LOST, PATH, SENT, MockNetwork, after, dto, error_of, refusal, send

pytestmark = pytest.mark.usefixtures("no_pauses")
# Outcomes that do not show whether the attempt was carried out.
UNKNOWN: dict[str, tuple[Step, type[GenAuthError]]] = {
    "closed after the request": (LOST, APIConnectionError),
    "reset after the request": (Step(then="reset"), APIConnectionError),
    "half a response": (Step(SUCCESS[:-5], then="close"), InvalidResponseError),
    "a gateway's HTTP 502": (Step(http(502, b"<h1>Bad Gateway</h1>")), BadGatewayError),
    "a gateway's HTTP 503, Retry-After: 5": (Step(http(503, b"", {"retry-after": "5"})), ServiceUnavailableError),
    "a gateway's HTTP 503 that looks like the API's": (refusal(503, http_status=503), ServiceUnavailableError),
    "a login page": (Step(http(200, b"<h1>Log in</h1>")), InvalidResponseError),
    "statusCode 500": (refusal(500), ServerError),
}


@pytest.mark.parametrize(("lost", "error"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_attempt_that_may_have_been_carried_out_is_repeated_and_a_refusal_then_says_so(
    make_client: ClientFactory, lost: Step, error: type[GenAuthError]
) -> None:
    with RawServer(lost, Step(SUCCESS), lost, refusal(429, {})) as server:
        client = make_client(server.url, retry_unknown=True, max_retries=5)
        assert send(client).request_id == "r-1"
        caught = error_of(client, ThrottleError)
    assert "an earlier attempt of this call may have been carried out" in str(caught)
    assert (caught.delivery, caught.retryable, caught.message) == ("unknown", False, "As asked.")
    assert isinstance(caught.__cause__, error)
    assert caught.__cause__.delivery == "unknown"
    assert server.received == server.received[:1] * 4


def test_the_servers_rule_keeps_a_repetition_from_sending_twice(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    mock_server.respond_next(b"<h1>Bad Gateway</h1>", http_status=502, validate=False, carry_out=True)

    error = error_of(make_client(mock_server.url, retry_unknown=True), ThrottleError)

    assert isinstance(error.__cause__, BadGatewayError)
    assert (len(mock_server.received), len(mock_server.sent)) == (2, 1)


# From here on, a mock network is enough.


def response(status_code: int, headers: dict[str, str] | None = None, http_status: int = 200) -> httpx.Response:
    return httpx.Response(http_status, content=dto(status_code), headers=headers)


RESET = httpx.ReadError("reset")
BAD_GATEWAY = httpx.Response(502)
TOO_MANY = httpx.Response(429, content=b"<h1>Too many requests</h1>", headers={"retry-after": "0"})


@before_transport
@pytest.mark.parametrize(
    ("outcomes", "kind", "text"),
    [
        ([response(429)], ThrottleError, "statusCode 429"),
        ([response(429, {"retry-after": "0"})], ThrottleError, "statusCode 429"),
        ([response(429, {"retry-after": "0"}, 429)], ThrottleError, "HTTP 429"),
        ([TOO_MANY], ThrottleError, "HTTP 429"),
        ([RESET, response(403)], ForbiddenError, "statusCode 403"),
        ([RESET, httpx.ConnectError("refused"), httpx.ConnectError("refused")], APIConnectionError, "refused"),
        ([RESET, RESET, BAD_GATEWAY], BadGatewayError, "HTTP 502"),
    ],
)
def test_the_error_of_the_last_attempt_is_raised_and_leaves_the_delivery_unknown(
    make_client: ClientFactory, outcomes: list[Any], kind: type[GenAuthError], text: str
) -> None:
    network = MockNetwork(*outcomes)
    error = error_of(network.new_client(make_client, retry_unknown=True), kind)
    assert text in str(error)
    assert "earlier attempt" not in str(error)
    assert error.delivery == "unknown"
    assert len(network.requests) == len(outcomes)
    if len(outcomes) == 1:
        assert not isinstance(error.__cause__, GenAuthError)


@before_transport
def test_without_retries_nothing_is_repeated(make_client: ClientFactory) -> None:
    network = MockNetwork(RESET)
    error_of(network.new_client(make_client, retry_unknown=True, max_retries=0), APIConnectionError)
    assert len(network.requests) == 1


def test_the_timeout_bounds_repetitions_too(make_client: ClientFactory) -> None:
    with RawServer(Step(then="hold")) as server:
        error_of(make_client(server.url, retry_unknown=True), APITimeoutError, timeout=0.2)
    assert len(server.received) == 1


@before_transport
@pytest.mark.parametrize(("seconds", "requests"), [(54.9, 2), (55.1, 1)])
def test_nothing_is_repeated_in_the_last_five_seconds_of_the_interval(
    make_client: ClientFactory, clock: Clock, seconds: float, requests: int
) -> None:
    network = MockNetwork(after(clock, seconds, RESET), response(403))
    error_of(network.new_client(make_client, retry_unknown=True, timeout=600))
    assert len(network.requests) == requests


@before_transport
def test_an_operation_without_the_interval_is_not_repeated(make_client: ClientFactory) -> None:
    network = MockNetwork(RESET)
    with pytest.raises(APIConnectionError):
        network.new_client(make_client, retry_unknown=True).request(
            Operation("POST", PATH, SendEmailRespDto), body=BODY
        )
    assert len(network.requests) == 1


@before_transport
def test_a_derived_client_can_turn_it_on_and_off(make_client: ClientFactory) -> None:
    network = MockNetwork(RESET, httpx.Response(200, json=SENT), RESET)
    client = network.new_client(make_client).with_options(retry_unknown=True)
    assert send(client).status_code == 200
    error_of(client.with_options(retry_unknown=False), APIConnectionError)
    assert len(network.requests) == 3


@before_transport
def test_a_detailed_response_has_the_earlier_error(make_client: ClientFactory) -> None:
    network = MockNetwork(RESET, response(429), httpx.Response(200, json=SENT))
    client = network.new_client(make_client, retry_unknown=True)
    refused = client.call(send_email, detailed=True, body=BODY)
    assert refused.parsed.status_code == 429
    assert isinstance(refused.earlier_error, APIConnectionError)
    assert refused.earlier_error.delivery == "unknown"
    assert client.call(send_email, detailed=True, body=BODY).earlier_error is None
