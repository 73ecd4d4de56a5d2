"""Helpers for the clients' tests: a call, its error, the API's responses, and a mock network."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from genauth_email import Channel, GenAuthError, SendEmailDto, SendEmailRespDto
from genauth_email.api.email import send_email
from hypothesis import HealthCheck, settings

from tests.clients import BlockingClient, ClientFactory
from tests.clock import Clock
from tests.contract import facts
from tests.contract.facts import CHANNEL, SCHEMAS
from tests.servers.raw import RawServer, Step, http

EMAIL = "test@example.com"
BODY = SendEmailDto(channel=Channel(CHANNEL), email=EMAIL)
PATH = "/api/v3/send-email"
SENT: dict[str, Any] = {**facts.SENT, "message": "Sent."}
LEAST = {name: SENT[name] for name in SCHEMAS["SendEmailRespDto"]["required"]}
"""A success with only the required fields."""
AT_ONCE = {"retry-after": "0"}
LOST = Step(then="close")
"""The server hangs up once it has the request."""
Outcome = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response | Exception]


def pickled(protocol: int) -> Callable[[Any], Any]:
    return lambda value: pickle.loads(pickle.dumps(value, protocol))


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {protocol}": pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
}
"""The ways to copy an object."""

drawing = settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def send(client: BlockingClient, **options: Any) -> SendEmailRespDto:
    return client.send_email(CHANNEL, EMAIL, **options)


def send_by_function(client: BlockingClient) -> Any:
    return client.call(send_email, body=BODY)


each_way = pytest.mark.parametrize("call", [send, send_by_function])


def error_of(client: BlockingClient, kind: type[GenAuthError] = GenAuthError, **options: Any) -> Any:
    """Return the error that a call raises."""
    with pytest.raises(kind) as caught:
        send(client, **options)
    return caught.value


def dto(status_code: int, **more: Any) -> bytes:
    """Return the body of an API response with the message "As asked."."""
    least = SENT if status_code == 200 else {}
    return json.dumps({**least, "statusCode": status_code, "message": "As asked.", **more}).encode()


def explained(schema: str, number: int) -> str:
    """Return a code as errors and logs show it."""
    # If a success requires more than a failure has, failures are read as a `Failure`, whose codes are plain numbers.
    if number != 200 and LEAST.keys() > {"statusCode", "message"}:
        return str(number)
    return f"{number} ({SCHEMAS[schema]['x-enumDescriptions'][str(number)].rstrip('.')})"


def refusal(status_code: int, headers: dict[str, str] | None = None, *, http_status: int = 200) -> Step:
    """Respond with a failure. By default, its `Retry-After` lets a retry follow at once."""
    return Step(http(http_status, dto(status_code), AT_ONCE if headers is None else headers))


BUSY = refusal(503)


def requests_to(server: RawServer, client: BlockingClient) -> list[bytes]:
    """Close the client, and return all requests that it sent in full."""
    client.close()
    return server.finish()


class _Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Passes each request to a handler.

    Unlike `httpx.MockTransport`, it does not read the request body. So a handler that raises an error simulates a
    connection that could not be opened.
    """

    def __init__(self, handler: Callable[[httpx.Request], httpx.Response]) -> None:
        self._handler = handler

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._handler(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._handler(request)


def after(clock: Clock, seconds: float, outcome: httpx.Response | Exception) -> Outcome:
    """Return an outcome of a mock network that takes so long."""

    def play(_: httpx.Request) -> httpx.Response | Exception:
        clock.advance(seconds)
        return outcome

    return play


class MockNetwork:
    """Records the requests, and plays one outcome after the other, repeating the last one.

    An outcome is a response, an error to raise, or a function that takes the request and returns one of these.

    Attributes:
        requests: The requests so far.
        timeouts: The timeouts of each request's steps, in httpcore's form.
        transport: A transport for an httpx client on this network.
    """

    def __init__(self, *outcomes: Outcome) -> None:
        self.transport = _Transport(self._handle)
        self.play(*outcomes or [httpx.Response(200, json=SENT)])

    def play(self, *outcomes: Outcome) -> None:
        """Start again with other outcomes."""
        self.requests: list[httpx.Request] = []
        self.timeouts: list[dict[str, float | None]] = []
        self._outcomes = list(outcomes)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        timeout = request.extensions["timeout"]
        self.timeouts.append({step: timeout.get(step) for step in timeout})
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if callable(outcome):
            outcome = outcome(request)
        if isinstance(outcome, Exception):
            raise outcome
        # A copy, because httpx binds a response to the client that reads it.
        return httpx.Response(outcome.status_code, headers=outcome.headers, content=outcome.content)

    def new_client(self, make_client: ClientFactory, app_host: str | None = None, **options: Any) -> BlockingClient:
        """Make a client on this network."""
        return make_client(app_host, http_client=make_client.http_client(transport=self.transport), **options)
