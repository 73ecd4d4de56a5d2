"""A client of httpx2 as the user's own `http_client`: all is as with one of httpx."""

import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import httpx
import httpx2
import pytest
from genauth_email import (
    APIConnectionError,
    APITimeoutError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    InvalidResponseError,
    SendEmailDto,
    ThrottleError,
)
from genauth_email.api.email import send_email

from tests.clients import BlockingClient, ClientFactory, on_httpx
from tests.contract.contract import CHANNEL
from tests.faults.faults import FAULTS, PLAIN, Fault
from tests.faults.play import play
from tests.faults.server import RawServer, Step
from tests.mock_server import MockServer

pytestmark = pytest.mark.usefixtures("no_backoff")
each_library = pytest.mark.parametrize("library", [httpx, httpx2])


class WithHttpClient(ClientFactory):
    """Makes clients with an `http_client` of one library."""

    def __init__(self, kind: str, stack: ExitStack, library: ModuleType) -> None:
        super().__init__(kind, stack)
        self._library = library

    def __call__(self, *args: Any, **options: Any) -> BlockingClient:
        return super().__call__(*args, http_client=self.http_client(self._library), **options)


# What comes after a response is the next response to either library, or not, as it arrives.
LEFT_OVER = ("Content-Length is shorter than the body", "more after the body than Content-Length says")
PLAYED = [
    fault
    for group in FAULTS.values()
    for fault in group
    if fault.url == PLAIN and not fault.proxied and fault.name not in LEFT_OVER
]


# Over all kinds it would take a minute, and the kinds differ in nothing that the library does.
@pytest.mark.parametrize("fault", PLAYED, ids=[fault.name for fault in PLAYED])
@pytest.mark.parametrize("make_client", ["sync"], indirect=True)
def test_a_fault_comes_out_as_with_httpx(make_client: ClientFactory, fault: Fault) -> None:
    outcomes = []
    for library in (httpx, httpx2):
        with ExitStack() as stack:
            played = play(fault, WithHttpClient(make_client.kind, stack, library))
            outcomes.append((played.outcome, played.sent_after))
    assert outcomes[0] == outcomes[1]


@on_httpx
def test_a_call_sends_and_returns_what_it_does_with_httpx(make_client: ClientFactory, mock_server: MockServer) -> None:
    returned = []
    for library in (httpx, httpx2):
        client = make_client(mock_server.url, http_client=make_client.http_client(library), access_token="s3cret-token")
        body = SendEmailDto.from_dict({"channel": CHANNEL, "email": f"{library.__name__}@example.com"})
        response = client.call(send_email, detailed=True, body=body)
        returned.append((response.status_code, response.parsed.message, type(response.headers)))
        with pytest.raises(ThrottleError) as caught:
            client.call(send_email, body=body)
        assert type(caught.value.headers["date"]) is str
        assert caught.value.delivery == "not_sent"
    assert returned[0] == returned[1]
    first, _, second, _ = mock_server.received
    ignored = ("content-length", "host")
    assert {name: value for name, value in first.headers.items() if name not in ignored} == {
        name: value for name, value in second.headers.items() if name not in ignored
    }


def raises(make_client: ClientFactory, library: Any, name: str, read: bool) -> tuple[Any, ...]:
    """What comes of a transport that raises an error of that name, and how often it is called."""
    calls = 0

    class Transport(library.BaseTransport, library.AsyncBaseTransport):  # type: ignore[misc]
        def handle_request(self, request: Any) -> Any:
            nonlocal calls
            calls += 1
            if read:
                request.read()
            raise getattr(library, name)("It broke.", request=request)

        async def handle_async_request(self, request: Any) -> Any:
            return self.handle_request(request)

    http_client = make_client.http_client(library, transport=Transport())
    client = make_client("https://example.genauth.ai", http_client=http_client)
    with pytest.raises(APIConnectionError) as caught:
        client.send_email(CHANNEL, "test@example.com")
    assert type(caught.value.__cause__) is getattr(httpx, name)
    return type(caught.value), str(caught.value), caught.value.delivery, calls


@on_httpx
@pytest.mark.parametrize("read", [False, True], ids=["before reading", "after reading"])
@pytest.mark.parametrize("name", ["ConnectError", "ConnectTimeout", "PoolTimeout", "ReadError", "ReadTimeout"])
def test_an_error_of_a_transport_is_as_with_httpx(make_client: ClientFactory, name: str, read: bool) -> None:
    assert raises(make_client, httpx2, name, read) == raises(make_client, httpx, name, read)


class TokenAuth:
    def __init__(self, url: str, library: ModuleType) -> None:
        self._url, self._library = url, library

    def auth_flow(self, request: Any) -> Generator[Any, Any]:
        yield self._library.Request("GET", self._url)
        yield request


@on_httpx
@each_library
def test_a_request_of_its_authentication_ends_with_the_timeout(make_client: ClientFactory, library: Any) -> None:
    auth = type("Auth", (TokenAuth, library.Auth), {})
    with RawServer(Step(then="hold")) as tokens, RawServer() as server:
        http_client = make_client.http_client(library, auth=auth(tokens.url, library))
        with pytest.raises(APITimeoutError):
            make_client(server.url, http_client=http_client).send_email(CHANNEL, "test@example.com", timeout=0.3)
        assert server.connections == 0


@on_httpx
@each_library
def test_a_hook_that_reads_the_body_is_no_harm(
    make_client: ClientFactory, mock_server: MockServer, library: Any
) -> None:
    def read(response: Any) -> None:
        response.read()

    async def aread(response: Any) -> None:
        await response.aread()

    hook = read if make_client.kind == "sync" else aread
    http_client = make_client.http_client(library, event_hooks={"response": [hook]})
    client = make_client(mock_server.url, http_client=http_client)
    assert client.send_email(CHANNEL, "test@example.com").status_code == 200


@on_httpx
def test_a_hook_that_streams_the_body_away_is_told(make_client: ClientFactory, mock_server: MockServer) -> None:
    def read(response: Any) -> None:
        list(response.iter_raw())

    async def aread(response: Any) -> None:
        [chunk async for chunk in response.aiter_raw()]

    hook = read if make_client.kind == "sync" else aread
    http_client = make_client.http_client(httpx2, event_hooks={"response": [hook]})
    with pytest.raises(InvalidResponseError, match="a hook has read the body and not kept it"):
        make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")


@on_httpx
@pytest.mark.parametrize("where", ["client", "with_options", "call"])
def test_its_timeout_is_taken(make_client: ClientFactory, where: str) -> None:
    timeout = httpx2.Timeout(30.0, read=0.2)
    options: dict[str, Any] = {"timeout": timeout}
    with RawServer(Step(then="hold")) as server:
        client = make_client(server.url, **(options if where == "client" else {}))
        if where == "with_options":
            client = client.with_options(timeout=timeout)
        with pytest.raises(APITimeoutError) as caught:
            client.send_email(CHANNEL, "test@example.com", **(options if where == "call" else {}))
        assert caught.value.delivery == "unknown"


@on_httpx
def test_a_wrong_value_in_its_timeout_is_named(make_client: ClientFactory) -> None:
    with pytest.raises(ValueError, match=r"timeout\.read must be a positive number of seconds"):
        make_client("https://example.genauth.ai", timeout=httpx2.Timeout(1.0, read=-1))


@pytest.mark.parametrize(
    ("make", "http_client"),
    [(AuthenticationClient, httpx2.AsyncClient), (AsyncAuthenticationClient, httpx2.Client)],
)
def test_a_client_of_the_other_kind_is_refused(make: Callable[..., Any], http_client: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="must be an httpx"):
        make("app123", http_client=http_client())


@on_httpx
def test_an_error_that_the_user_derived_is_the_one_it_derives_from(make_client: ClientFactory) -> None:
    class CircuitOpen(httpx2.ConnectError):
        pass

    class Transport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            raise CircuitOpen("The circuit is open.")

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise CircuitOpen("The circuit is open.")

    http_client = make_client.http_client(httpx2, transport=Transport())
    with pytest.raises(APIConnectionError, match="ConnectError: The circuit is open") as caught:
        make_client("https://example.genauth.ai", http_client=http_client).send_email(CHANNEL, "a@example.com")
    assert caught.value.delivery == "not_sent"


def test_it_is_loaded_by_nobody_but_the_user() -> None:
    program = (
        "import sys, genauth_email; genauth_email.AuthenticationClient('a').close(); print('httpx2' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert output.stdout == "False\n"
