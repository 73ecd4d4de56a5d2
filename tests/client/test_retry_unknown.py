"""With `retry_unknown`, a call of which it is unknown whether it was carried out is repeated within the minute."""

from typing import Any

import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    BadGatewayError,
    ForbiddenError,
    GenAuthError,
    InvalidResponseError,
    SendEmailDto,
    SendEmailRespDto,
    ServerError,
    ServiceUnavailableError,
    ThrottleError,
)
from genauth_email.api.email import send_email
from genauth_email.models import Channel
from genauth_email.types import Operation

from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.clock import Clock
from tests.contract.facts import CHANNEL
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .mock import SENT, MockNetwork

pytestmark = pytest.mark.usefixtures("no_pauses")
EMAIL = "test@example.com"
BODY = SendEmailDto(channel=Channel(CHANNEL), email=EMAIL)
REPEATED = Step(http(200, b'{"statusCode": 429, "message": "Too many."}'))
LOST = Step(then="close")
# What an attempt can come to without telling whether it was carried out.
UNKNOWN: dict[str, tuple[Step, type[GenAuthError]]] = {
    "closed after the request": (LOST, APIConnectionError),
    "reset after the request": (Step(then="reset"), APIConnectionError),
    "half a response": (Step(SUCCESS[:-5], then="close"), InvalidResponseError),
    "a gateway's HTTP 502": (Step(http(502, b"<h1>Bad Gateway</h1>")), BadGatewayError),
    "a gateway's HTTP 503, Retry-After: 5": (Step(http(503, b"", {"retry-after": "5"})), APIError),
    "a gateway's HTTP 503 that looks like the API's": (
        Step(http(503, b'{"statusCode": 503, "error": "Service Unavailable", "message": "Service Unavailable"}')),
        ServiceUnavailableError,
    ),
    "a gateway's HTTP 504": (Step(http(504, b"")), APIError),
    "a login page": (Step(http(200, b"<h1>Log in</h1>")), InvalidResponseError),
    "statusCode 500": (Step(http(200, b'{"statusCode": 500, "message": ""}')), ServerError),
}


def send(client: BlockingClient, **options: Any) -> SendEmailRespDto:
    return client.send_email(CHANNEL, EMAIL, **options)


@pytest.fixture(params=["own connections", "an http_client"])
def http_client(request: pytest.FixtureRequest, make_client: ClientFactory) -> dict[str, Any]:
    """The options of a client on its own connections, and of one on the user's."""
    return {} if request.param == "own connections" else {"http_client": make_client.http_client()}


@pytest.mark.parametrize(("lost", "error"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_without_it_nothing_is_repeated(make_client: ClientFactory, lost: Step, error: type[GenAuthError]) -> None:
    with RawServer(lost) as server:
        client = make_client(server.url)
        with pytest.raises(error) as caught:
            send(client)
        assert caught.value.delivery == "unknown"
    assert len(server.received) == 1


@pytest.mark.parametrize(("lost", "error"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_an_attempt_that_was_not_carried_out_is_made_good(
    make_client: ClientFactory, http_client: dict[str, Any], lost: Step, error: type[GenAuthError]
) -> None:
    with RawServer(lost) as server:
        client = make_client(server.url, retry_unknown=True, **http_client)
        assert send(client).request_id == "r-1"
    assert len(server.received) == 2
    assert server.received[0] == server.received[1]


@pytest.mark.parametrize(("lost", "error"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_after_an_attempt_that_may_have_been_carried_out_a_refusal_is_told_as_such(
    make_client: ClientFactory, http_client: dict[str, Any], lost: Step, error: type[GenAuthError]
) -> None:
    with RawServer(lost, REPEATED) as server:
        client = make_client(server.url, retry_unknown=True, **http_client)
        with pytest.raises(ThrottleError, match="an earlier attempt of this call may have been carried out") as caught:
            send(client)
        assert caught.value.delivery == "unknown"
        assert type(caught.value.__cause__) is error or isinstance(caught.value.__cause__, error)
    assert len(server.received) == 2


def test_the_rule_of_the_server_keeps_a_repetition_from_sending_twice(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    mock_server.respond_next(b"<h1>Bad Gateway</h1>", http_status=502, validate=False, carry_out=True)

    with pytest.raises(ThrottleError) as caught:
        send(make_client(mock_server.url, retry_unknown=True))

    assert isinstance(caught.value.__cause__, BadGatewayError)
    assert len(mock_server.received) == 2
    assert len(mock_server.sent) == 1


def test_a_refusal_at_the_first_attempt_says_nothing_of_earlier_ones(make_client: ClientFactory) -> None:
    with RawServer(REPEATED) as server:
        with pytest.raises(ThrottleError) as caught:
            send(make_client(server.url, retry_unknown=True))
        assert caught.value.delivery == "unknown"
        assert caught.value.__cause__ is None
        assert "earlier attempt" not in str(caught.value)


def test_a_later_refusal_leaves_the_delivery_unknown(make_client: ClientFactory) -> None:
    with RawServer(LOST, Step(http(200, b'{"statusCode": 403, "message": ""}'))) as server:
        with pytest.raises(ForbiddenError) as caught:
            send(make_client(server.url, retry_unknown=True))
        assert caught.value.delivery == "unknown"


@before_transport
def test_a_connection_that_is_refused_later_leaves_the_delivery_unknown(make_client: ClientFactory) -> None:
    errors = iter([httpx.ReadError("reset"), httpx.ConnectError("refused")])

    def respond(_: httpx.Request) -> httpx.Response:
        raise next(errors)

    network = MockNetwork(respond)
    with pytest.raises(APIConnectionError, match="refused") as caught:
        send(network.new_client(make_client, retry_unknown=True, max_retries=1))
    assert caught.value.delivery == "unknown"
    assert len(network.requests) == 2


def test_the_error_of_the_last_attempt_is_raised(make_client: ClientFactory) -> None:
    with RawServer(LOST, LOST, Step(http(502, b"")), Step(SUCCESS)) as server:
        client = make_client(server.url, retry_unknown=True)
        with pytest.raises(BadGatewayError) as caught:
            send(client)
        assert caught.value.delivery == "unknown"
    assert len(server.received) == 3


def test_no_retries_mean_no_repetition(make_client: ClientFactory) -> None:
    with RawServer(LOST) as server:
        client = make_client(server.url, retry_unknown=True, max_retries=0)
        with pytest.raises(APIConnectionError):
            send(client)
    assert len(server.received) == 1


def test_the_timeout_bounds_repetitions_too(make_client: ClientFactory) -> None:
    with RawServer(Step(then="hold")) as server:
        client = make_client(server.url, retry_unknown=True)
        with pytest.raises(APITimeoutError):
            send(client, timeout=0.2)
    assert len(server.received) == 1


@before_transport
@pytest.mark.parametrize(("seconds", "requests"), [(54.9, 2), (55.1, 1)])
def test_nothing_is_repeated_in_the_last_five_seconds_of_the_interval(
    make_client: ClientFactory, clock: Clock, seconds: float, requests: int
) -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        if len(network.requests) == 1:
            clock.advance(seconds)
            raise httpx.ReadError("reset")
        return httpx.Response(200, json=SENT)

    network = MockNetwork(respond)
    client = network.new_client(make_client, retry_unknown=True, timeout=600)
    if requests == 2:
        assert send(client).status_code == 200
    else:
        with pytest.raises(APIConnectionError):
            send(client)
    assert len(network.requests) == requests


def test_an_operation_without_the_interval_is_not_repeated(make_client: ClientFactory) -> None:
    operation = Operation("POST", "/api/v3/send-email", SendEmailRespDto)
    with RawServer(LOST) as server:
        client = make_client(server.url, retry_unknown=True)
        with pytest.raises(APIConnectionError):
            client.request(operation, body=BODY)
    assert len(server.received) == 1


def test_a_derived_client_can_switch_it_on_and_off(make_client: ClientFactory) -> None:
    with RawServer(LOST, Step(SUCCESS), LOST) as server:
        client = make_client(server.url)
        assert send(client.with_options(retry_unknown=True)).request_id == "r-1"
        with pytest.raises(APIConnectionError):
            send(client.with_options(retry_unknown=True).with_options(retry_unknown=False))
    assert len(server.received) == 3


@before_transport
@pytest.mark.parametrize("value", [1, 0, "yes", None])
def test_a_value_that_is_not_true_or_false_is_a_type_error(make_client: ClientFactory, value: Any) -> None:
    with pytest.raises(TypeError, match="retry_unknown must be True or False"):
        make_client(retry_unknown=value)
    with pytest.raises(TypeError, match="retry_unknown must be True or False"):
        make_client().with_options(retry_unknown=value)


def test_a_detailed_function_tells_the_earlier_error(make_client: ClientFactory) -> None:
    with RawServer(LOST, REPEATED) as server:
        response = make_client(server.url, retry_unknown=True).call(send_email, detailed=True, body=BODY)
        assert response.parsed.status_code == 429
        assert isinstance(response.earlier_error, APIConnectionError)
        assert response.earlier_error.delivery == "unknown"
        response = make_client(server.url).call(send_email, detailed=True, body=BODY)
        assert response.earlier_error is None


@pytest.mark.parametrize("body", [b"<h1>Too many requests</h1>", b'{"statusCode": 429, "message": ""}'])
def test_a_gateways_429_is_not_repeated_either(make_client: ClientFactory, body: bytes) -> None:
    with RawServer(Step(http(429, body, {"retry-after": "0"}))) as server:
        client = make_client(server.url, retry_unknown=True)
        with pytest.raises(ThrottleError) as caught:
            send(client)
        assert caught.value.delivery == "unknown"
    assert len(server.received) == 1
