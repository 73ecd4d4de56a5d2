"""Options of calls and derived clients, shared connections, and closing them."""

import gc
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any

import httpx
import pytest
from genauth_email import Lang
from genauth_email.testing import ReceivedRequest

from tests.clients import ClientFactory, before_transport, on_httpx
from tests.clock import Clock
from tests.contract.facts import CHANNEL
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .helpers import SENT, MockNetwork, error_of, requests_to, send

DTO = SUCCESS.partition(b"\r\n\r\n")[2]

MINE: dict[str, Any] = {"access_token": "my-s3cret", "lang": "en-US", "real_ip": "203.0.113.1"}
OTHER: dict[str, Any] = {"access_token": "other-s3cret", "lang": Lang.JA_JP, "real_ip": "2001:db8::2"}
NONE: dict[str, Any] = {"access_token": None, "lang": None, "real_ip": None}


def options_of(request: ReceivedRequest) -> dict[str, str | None]:
    names = {"access_token": "authorization", "lang": "x-genauth-lang", "real_ip": "x-real-ip"}
    return {option: request.headers.get(header) for option, header in names.items()}


class Gate:
    """Sets `arrived` at the first request, holds it until the gate is `open`, and lets the others pass."""

    def __init__(self) -> None:
        self.arrived = Event()
        self.open = Event()

    def __call__(self, request: ReceivedRequest) -> ReceivedRequest:
        if not self.arrived.is_set():
            self.arrived.set()
            self.open.wait(10)
        return request


@pytest.fixture
def gate(mock_server: MockServer) -> Gate:
    mock_server.in_front = gate = Gate()
    return gate


@before_transport
@pytest.mark.parametrize("of_client", [MINE, {}])
@pytest.mark.parametrize("of_call", [OTHER, *({name: value} for name, value in OTHER.items())])
def test_options_of_a_call_override_the_clients_only_for_that_call(
    make_client: ClientFactory, mock_server: MockServer, of_client: dict[str, Any], of_call: dict[str, Any]
) -> None:
    client = make_client(mock_server.url, **of_client)

    client.send_email(CHANNEL, "a@example.com", **of_call)
    client.send_email(CHANNEL, "b@example.com")

    assert list(map(options_of, mock_server.received)) == [NONE | of_client | of_call, NONE | of_client]


@before_transport
def test_a_timeout_of_a_call_overrides_the_clients_only_for_that_call(make_client: ClientFactory, clock: Clock) -> None:
    network = MockNetwork()
    client = network.new_client(make_client, timeout=7)

    client.send_email(CHANNEL, "a@example.com", timeout=0.5)
    client.send_email(CHANNEL, "a@example.com", timeout=httpx.Timeout(3, read=None))
    client.send_email(CHANNEL, "a@example.com")

    assert [request.extensions["timeout"] for request in network.requests] == [
        httpx.Timeout(0.5).as_dict(),
        httpx.Timeout(3, read=None).as_dict(),
        httpx.Timeout(7).as_dict(),
    ]


@pytest.mark.parametrize("derived", [True, False], ids=["a derived client", "options of the call"])
def test_a_call_is_not_affected_by_another_calls_options(
    make_client: ClientFactory, mock_server: MockServer, gate: Gate, derived: bool
) -> None:
    client = make_client(mock_server.url, **MINE)

    def send_otherwise(email: str) -> None:
        if derived:
            client.with_options(**OTHER).send_email(CHANNEL, email)
        else:
            client.send_email(CHANNEL, email, **OTHER)

    # The refusal makes the held call retry, with the options that it has by then.
    mock_server.respond_next(SENT)
    mock_server.respond_next({"statusCode": 503, "message": "Busy."}, headers={"retry-after": "0"})
    with ThreadPoolExecutor() as pool:
        held = pool.submit(client.send_email, CHANNEL, "held@example.com")
        assert gate.arrived.wait(10)
        send_otherwise("meanwhile@example.com")
        gate.open.set()
        held.result()
        gate.arrived.clear()
        gate.open.clear()
        held_otherwise = pool.submit(send_otherwise, "held-otherwise@example.com")
        assert gate.arrived.wait(10)
        client.send_email(CHANNEL, "meanwhile@again.example")
        gate.open.set()
        held_otherwise.result()

    assert [(request.json["email"], options_of(request)) for request in mock_server.received] == [
        ("meanwhile@example.com", OTHER),
        ("held@example.com", MINE),
        ("held@example.com", MINE),
        ("meanwhile@again.example", MINE),
        ("held-otherwise@example.com", OTHER),
    ]


@before_transport
def test_a_derived_client_does_not_change_the_original(make_client: ClientFactory, mock_server: MockServer) -> None:
    client = make_client(mock_server.url, **MINE)
    derived = client.with_options(app_id="other", **OTHER)

    derived.send_email(CHANNEL, "a@example.com")
    client.send_email(CHANNEL, "b@example.com")

    of_derived, of_client = mock_server.received
    assert type(derived.client) is type(client.client)
    assert options_of(of_derived) == OTHER
    assert of_derived.headers["x-genauth-app-id"] == "other"
    assert options_of(of_client) == MINE
    assert of_client.headers["x-genauth-app-id"] == "app123"


@before_transport
def test_a_derived_client_can_have_another_host_and_timeout(make_client: ClientFactory, clock: Clock) -> None:
    network = MockNetwork()
    client = network.new_client(make_client, "https://a.example", timeout=7)

    client.with_options(app_host="https://b.example/", timeout=1).send_email(CHANNEL, "a@example.com")
    client.send_email(CHANNEL, "a@example.com")

    hosts = [(request.url.host, request.extensions["timeout"]["read"]) for request in network.requests]
    assert hosts == [("b.example", 1), ("a.example", 7)]


@before_transport
@pytest.mark.usefixtures("no_pauses")
def test_a_derived_client_can_have_another_number_of_retries(make_client: ClientFactory) -> None:
    network = MockNetwork(httpx.ConnectError("refused"))
    client = network.new_client(make_client, max_retries=2)
    attempts = list[int]()
    for each in (client.with_options(max_retries=0), client.with_options(max_retries=1), client):
        network.requests.clear()
        error_of(each)
        attempts.append(len(network.requests))
    assert attempts == [1, 2, 3]


@before_transport
def test_none_clears_an_option(
    make_client: ClientFactory, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAUTH_LANG", "zh-TW")
    monkeypatch.setenv("GENAUTH_ACCESS_TOKEN", "s3cret-of-environment")
    client = make_client(mock_server.url, **MINE)

    client.with_options(**NONE).send_email(CHANNEL, "a@example.com")
    client.with_options(lang=None).send_email(CHANNEL, "b@example.com")
    client.send_email(CHANNEL, "c@example.com", lang=None, access_token=None, real_ip=None, timeout=None)

    assert list(map(options_of, mock_server.received)) == [NONE, MINE | {"lang": None}, MINE]


@before_transport
def test_options_add_up_along_a_chain(make_client: ClientFactory, mock_server: MockServer) -> None:
    client = make_client(mock_server.url).with_options(real_ip="203.0.113.1").with_options(lang="en-US")

    client.with_options(access_token="my-s3cret").send_email(CHANNEL, "a@example.com")
    client.with_options(real_ip="203.0.113.2").send_email(CHANNEL, "b@example.com")
    client.with_options().send_email(CHANNEL, "c@example.com")

    assert list(map(options_of, mock_server.received)) == [
        MINE,
        NONE | {"lang": "en-US", "real_ip": "203.0.113.2"},
        NONE | {"lang": "en-US", "real_ip": "203.0.113.1"},
    ]


def test_derived_clients_share_the_connections_and_leave_them_to_their_owner(make_client: ClientFactory) -> None:
    with RawServer() as server:
        client = make_client(server.url)
        send(client)
        for user in range(3):
            derived = client.with_options(real_ip=f"203.0.113.{user}")
            send(derived.with_options(lang="en-US"))
            send(derived, access_token="s3cret")
            derived.close()
            with client.with_options(lang="ja-JP") as another:
                send(another)
            send(derived)
        send(client)
        assert (len(requests_to(server, client)), server.connections) == (2 + 3 * 4, 1)


def test_new_clients_do_not_share_connections(make_client: ClientFactory) -> None:
    with RawServer() as server:
        for _ in range(2):
            send(make_client(server.url))
        assert server.connections == 2


def test_each_host_keeps_its_connection(make_client: ClientFactory) -> None:
    with RawServer() as one, RawServer() as another:
        client = make_client(one.url)
        for number in range(3):
            for server in (one, another):
                client.with_options(app_host=server.url).send_email(CHANNEL, f"{number}@example.com")
        client.close()
        assert [len(one.finish()), len(another.finish())] == [3, 3]
        assert [one.connections, another.connections] == [1, 1]


def kept_connections(make_client: ClientFactory, limits: httpx.Limits, header: dict[str, str] | None = None) -> int:
    """Return how many connections two calls with a pause between them need. The server would keep one."""
    with RawServer(Step(http(200, DTO, header)), Step(SUCCESS)) as server:
        client = make_client(server.url, limits=limits)
        client.send_email(CHANNEL, "1@example.com")
        time.sleep(0.02)
        client.send_email(CHANNEL, "2@example.com")
        return server.connections


# A router may silently forget a connection that is idle for too long.
@pytest.mark.parametrize(
    ("limits", "connections"),
    [
        (httpx.Limits(), 1),
        (httpx.Limits(keepalive_expiry=None), 1),
        (httpx.Limits(keepalive_expiry=0.01), 2),
        (httpx.Limits(max_connections=None), 1),
    ],
)
def test_an_idle_connection_is_kept_as_long_as_the_limits_say(
    make_client: ClientFactory, limits: httpx.Limits, connections: int
) -> None:
    assert kept_connections(make_client, limits) == connections


# aiohttp supports neither of these.
@on_httpx
@pytest.mark.parametrize(
    ("limits", "header", "connections"),
    [
        (httpx.Limits(), {"keep-alive": "timeout=60"}, 1),
        (httpx.Limits(), {"keep-alive": "timeout=1"}, 2),
        (httpx.Limits(max_keepalive_connections=0), None, 2),
    ],
)
def test_an_idle_connection_is_kept_only_if_the_server_and_the_limit_allow_it(
    make_client: ClientFactory, limits: httpx.Limits, header: dict[str, str] | None, connections: int
) -> None:
    assert kept_connections(make_client, limits, header) == connections


@before_transport
@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("limits", 100, TypeError, "limits must be an httpx.Limits, not int"),
        ("limits", httpx.Limits(max_connections=0), ValueError, "limits.max_connections must be 1 or more, not 0"),
        ("limits", httpx.Limits(keepalive_expiry=-1), ValueError, "limits.keepalive_expiry must be 0 or more, not -1"),
        ("ssl_context", True, TypeError, "ssl_context must be an ssl.SSLContext, not bool"),
    ],
)
def test_invalid_connection_settings_are_refused(
    make_client: ClientFactory, name: str, value: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        make_client(**{name: value})
    assert str(caught.value) == text


@before_transport
@pytest.mark.parametrize(
    "options", [{"limits": httpx.Limits()}, {"ssl_context": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}]
)
def test_connection_settings_beside_an_http_client_are_refused(
    make_client: ClientFactory, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=f"^pass either {next(iter(options))} or http_client, not both"):
        make_client(http_client=make_client.http_client(), **options)


def test_a_cookie_from_one_call_is_not_sent_with_the_next(make_client: ClientFactory, mock_server: MockServer) -> None:
    client = make_client(mock_server.url)
    mock_server.respond_next(SENT, headers={"set-cookie": "session=of-a; path=/"}, validate=False)

    client.with_options(access_token="a-s3cret").send_email(CHANNEL, "a@example.com")
    client.with_options(access_token="b-s3cret").send_email(CHANNEL, "b@example.com")

    assert "cookie" not in mock_server.received[1].headers


@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_with_also_closes_the_client_after_an_error(
    make_client: ClientFactory, mock_server: MockServer, error: type[Exception] | None
) -> None:
    with suppress(ZeroDivisionError), make_client(mock_server.url) as client:
        client.send_email(CHANNEL, "a@example.com")
        if error:
            raise error

    with pytest.raises(RuntimeError, match="client is closed"):
        client.send_email(CHANNEL, "b@example.com")


def test_a_derived_client_outlives_its_original_without_warnings(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    client = make_client()
    # Nothing refers to this original.
    client.client = type(client.client)("app123", mock_server.url).with_options(lang="en-US")
    gc.collect()
    mock_server.respond_next(SENT, headers={"connection": "close"})

    client.send_email(CHANNEL, "a@example.com")

    assert mock_server.received[0].headers["x-genauth-lang"] == "en-US"
    client.client = client.client.with_options(lang="ja-JP")
    # A warning in a finalizer would fail the test.
    gc.collect()
