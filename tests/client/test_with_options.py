"""Options of a call and of a derived client, the connections that clients share, and their end."""

import gc
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Semaphore, Thread, current_thread
from typing import Any

import httpx
import pytest
from genauth_email import APIConnectionError, APITimeoutError, Lang
from genauth_email.testing import ReceivedRequest

from tests.clients import BlockingClient, ClientFactory, before_transport, no_pauses, on_httpx
from tests.clock import Clock
from tests.contract.facts import CHANNEL, OTHER_CHANNEL
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .mock import SENT, MockNetwork

DTO = SUCCESS.partition(b"\r\n\r\n")[2]

MINE: dict[str, Any] = {"access_token": "my-s3cret", "lang": "en-US", "real_ip": "203.0.113.1"}
OTHER: dict[str, Any] = {"access_token": "other-s3cret", "lang": Lang.JA_JP, "real_ip": "2001:db8::2"}
NONE: dict[str, Any] = {"access_token": None, "lang": None, "real_ip": None}


def options_of(request: ReceivedRequest) -> dict[str, str | None]:
    names = {"access_token": "authorization", "lang": "x-genauth-lang", "real_ip": "x-real-ip"}
    return {option: request.headers.get(header) for option, header in names.items()}


class Gate:
    """Has the first request `arrived`, holds it until the gate is `open`, and lets the others pass."""

    def __init__(self) -> None:
        self.arrived = Event()
        self.open = Event()

    def __call__(self, request: ReceivedRequest) -> ReceivedRequest:
        if not self.arrived.is_set():
            self.arrived.set()
            self.open.wait(10)
        return request


@pytest.fixture
def connections(mock_server: MockServer) -> set[Thread]:
    """The connections that have reached the server: each has a thread."""
    threads: set[Thread] = set()

    def remember(request: ReceivedRequest) -> ReceivedRequest:
        threads.add(current_thread())
        return request

    mock_server.in_front = remember
    return threads


@pytest.fixture
def gate(mock_server: MockServer) -> Gate:
    mock_server.in_front = gate = Gate()
    return gate


@pytest.mark.parametrize("of_client", [MINE, {}])
def test_options_of_a_call_win_and_do_not_stay(
    make_client: ClientFactory, mock_server: MockServer, of_client: dict[str, Any]
) -> None:
    client = make_client(mock_server.url, **of_client)

    client.send_email(CHANNEL, "a@example.com", **OTHER)
    client.send_email(CHANNEL, "b@example.com")

    first, second = map(options_of, mock_server.received)
    assert first == OTHER
    assert second == NONE | of_client


@pytest.mark.parametrize("option", MINE)
def test_an_option_of_a_call_leaves_the_others(
    make_client: ClientFactory, mock_server: MockServer, option: str
) -> None:
    make_client(mock_server.url, **MINE).send_email(CHANNEL, "a@example.com", **{option: OTHER[option]})

    assert options_of(mock_server.received[0]) == MINE | {option: OTHER[option]}


@before_transport
def test_a_timeout_of_a_call_wins_and_does_not_stay(make_client: ClientFactory, clock: Clock) -> None:
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


def send_through_a_derived_client(client: BlockingClient, email: str) -> None:
    client.with_options(**OTHER).send_email(CHANNEL, email)


def send_with_options_of_the_call(client: BlockingClient, email: str) -> None:
    client.send_email(CHANNEL, email, **OTHER)


BOTH_WAYS = pytest.mark.parametrize("send_otherwise", [send_through_a_derived_client, send_with_options_of_the_call])


@BOTH_WAYS
def test_other_options_are_not_seen_by_a_call_made_meanwhile(
    make_client: ClientFactory,
    mock_server: MockServer,
    gate: Gate,
    send_otherwise: Callable[[BlockingClient, str], None],
) -> None:
    client = make_client(mock_server.url, **MINE)
    with ThreadPoolExecutor() as pool:
        held = pool.submit(send_otherwise, client, "held@example.com")
        assert gate.arrived.wait(10)
        client.send_email(CHANNEL, "meanwhile@example.com")
        gate.open.set()
        held.result()
    client.send_email(CHANNEL, "after@example.com")

    seen = {request.json["email"]: options_of(request) for request in mock_server.received}
    assert seen == {"meanwhile@example.com": MINE, "held@example.com": OTHER, "after@example.com": MINE}


@BOTH_WAYS
def test_other_options_do_not_reach_a_call_in_flight(
    make_client: ClientFactory,
    mock_server: MockServer,
    gate: Gate,
    send_otherwise: Callable[[BlockingClient, str], None],
) -> None:
    client = make_client(mock_server.url, **MINE)
    # The refusal makes the held call go out again, with whatever the client has by then.
    mock_server.respond_next(SENT)
    mock_server.respond_next({"statusCode": 503, "message": "Busy."}, headers={"retry-after": "0"})
    with ThreadPoolExecutor() as pool:
        held = pool.submit(client.send_email, CHANNEL, "held@example.com")
        assert gate.arrived.wait(10)
        send_otherwise(client, "meanwhile@example.com")
        gate.open.set()
        held.result()

    seen = [(request.json["email"], options_of(request)) for request in mock_server.received]
    assert seen == [("meanwhile@example.com", OTHER), ("held@example.com", MINE), ("held@example.com", MINE)]


def test_many_users_at_once_are_kept_apart(make_client: ClientFactory, mock_server: MockServer) -> None:
    client = make_client(mock_server.url, **MINE)
    users = 8
    start = Barrier(users)

    def serve(user: int) -> None:
        start.wait(10)
        for turn in range(2):
            derived = client.with_options(access_token=f"s3cret-{user}", real_ip=f"203.0.113.{user}")
            derived.send_email(CHANNEL, f"{user}.{turn}@derived.example")
            client.send_email(CHANNEL, f"{user}.{turn}@call.example", real_ip=f"203.0.113.{user}")
            client.send_email(CHANNEL, f"{user}.{turn}@original.example")

    with ThreadPoolExecutor(users) as pool:
        list(pool.map(serve, range(users)))

    assert len(mock_server.received) == users * 2 * 3
    for request in mock_server.received:
        name, domain = request.json["email"].split("@")
        user = name.split(".")[0]
        assert (
            options_of(request)
            == {
                "derived.example": MINE | {"access_token": f"s3cret-{user}", "real_ip": f"203.0.113.{user}"},
                "call.example": MINE | {"real_ip": f"203.0.113.{user}"},
                "original.example": MINE,
            }[domain]
        )


def test_a_derived_client_differs_and_leaves_the_original(make_client: ClientFactory, mock_server: MockServer) -> None:
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
def test_a_derived_client_can_have_another_number_of_retries(make_client: ClientFactory) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    network = MockNetwork(refuse)
    client = network.new_client(make_client, max_retries=2)

    def attempts(client: BlockingClient) -> int:
        network.requests.clear()
        with no_pauses(), pytest.raises(APIConnectionError):
            client.send_email(CHANNEL, "a@example.com")
        return len(network.requests)

    assert attempts(client.with_options(max_retries=0)) == 1
    assert attempts(client.with_options(max_retries=1)) == 2
    assert attempts(client) == 3


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


def test_derived_clients_share_the_connections(
    make_client: ClientFactory, mock_server: MockServer, connections: set[Thread]
) -> None:
    client = make_client(mock_server.url)
    client.send_email(CHANNEL, "a@example.com")
    for user in range(5):
        derived = client.with_options(real_ip=f"203.0.113.{user}")
        derived.send_email(CHANNEL, f"{user}@example.com")
        derived.with_options(lang="en-US").send_email(OTHER_CHANNEL, f"{user}@example.com")
        derived.send_email(CHANNEL, f"signed-in-{user}@example.com", access_token="s3cret")

    assert len(mock_server.received) == 16
    assert len(connections) == 1


def test_each_host_keeps_its_connection(make_client: ClientFactory) -> None:
    with RawServer() as one, RawServer() as another:
        client = make_client(one.url)
        for number in range(3):
            for server in (one, another):
                client.with_options(app_host=server.url).send_email(CHANNEL, f"{number}@example.com")
        client.close()
        assert [len(one.finish()), len(another.finish())] == [3, 3]
        assert [one.connections, another.connections] == [1, 1]


# A router on the way may have forgotten it by then, and would not say so.
def test_a_connection_that_was_idle_for_too_long_is_not_used_again(
    make_client: ClientFactory, mock_server: MockServer, connections: set[Thread]
) -> None:
    client = make_client(mock_server.url, limits=httpx.Limits(keepalive_expiry=0.01))
    for number in range(2):
        client.send_email(CHANNEL, f"{number}@example.com")
        time.sleep(0.02)

    assert len(connections) == 2


def kept_connections(make_client: ClientFactory, limits: httpx.Limits, header: dict[str, str] | None = None) -> int:
    """How many connections two calls with a pause between them need, that the server would keep."""
    with RawServer(Step(http(200, DTO, header)), Step(SUCCESS)) as server:
        client = make_client(server.url, limits=limits)
        client.send_email(CHANNEL, "1@example.com")
        time.sleep(0.02)
        client.send_email(CHANNEL, "2@example.com")
        return server.connections


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


# aiohttp knows neither of these.
@on_httpx
@pytest.mark.parametrize(
    ("limits", "header", "connections"),
    [
        (httpx.Limits(), {"keep-alive": "timeout=60"}, 1),
        (httpx.Limits(), {"keep-alive": "timeout=1"}, 2),
        (httpx.Limits(max_keepalive_connections=0), None, 2),
    ],
)
def test_an_idle_connection_is_kept_only_where_the_server_and_the_number_of_them_allow_it(
    make_client: ClientFactory, limits: httpx.Limits, header: dict[str, str] | None, connections: int
) -> None:
    assert kept_connections(make_client, limits, header) == connections


def test_no_more_connections_are_made_than_are_allowed(make_client: ClientFactory) -> None:
    both_there, go_on = Semaphore(0), Event()

    def hold() -> None:
        both_there.release()
        go_on.wait(60)

    with RawServer(*[Step(SUCCESS, before=hold)] * 2) as server, ThreadPoolExecutor() as threads:
        client = make_client(server.url, limits=httpx.Limits(max_connections=2))
        held = [threads.submit(client.send_email, CHANNEL, f"{number}@example.com") for number in range(2)]
        for _ in held:
            assert both_there.acquire(timeout=60)
        with pytest.raises(APITimeoutError) as caught:
            client.send_email(CHANNEL, "2@example.com", timeout=0.1)
        assert caught.value.delivery == "not_sent"
        go_on.set()
        assert all(each.result().status_code == 200 for each in held)
        assert server.connections == 2


@before_transport
@pytest.mark.parametrize(
    ("limits", "error", "text"),
    [
        (100, TypeError, "limits must be an httpx.Limits, not int"),
        (httpx.Limits(max_connections=0), ValueError, "limits.max_connections must be 1 or more, not 0"),
        (httpx.Limits(keepalive_expiry=-1), ValueError, "limits.keepalive_expiry must be 0 or more, not -1"),
    ],
)
def test_limits_that_are_not_allowed_are_refused(
    make_client: ClientFactory, limits: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        make_client("https://example.genauth.ai", limits=limits)
    assert str(caught.value) == text


@on_httpx
def test_limits_beside_an_http_client_are_refused(make_client: ClientFactory) -> None:
    with pytest.raises(ValueError, match="pass either limits or http_client, not both"):
        make_client("https://example.genauth.ai", limits=httpx.Limits(), http_client=make_client.http_client())


def test_clients_made_anew_do_not_share_connections(
    make_client: ClientFactory, mock_server: MockServer, connections: set[Thread]
) -> None:
    for number in range(2):
        make_client(mock_server.url).send_email(CHANNEL, f"{number}@example.com")

    assert len(connections) == 2


def test_a_cookie_that_one_call_gets_is_not_sent_with_the_next(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    client = make_client(mock_server.url)
    mock_server.respond_next(SENT, headers={"set-cookie": "session=of-a; path=/"}, validate=False)

    client.with_options(access_token="a-s3cret").send_email(CHANNEL, "a@example.com")
    client.with_options(access_token="b-s3cret").send_email(CHANNEL, "b@example.com")

    assert "cookie" not in mock_server.received[1].headers


def test_closing_a_derived_client_leaves_the_connections_to_their_owner(
    make_client: ClientFactory, mock_server: MockServer, connections: set[Thread]
) -> None:
    client = make_client(mock_server.url)
    derived = client.with_options(lang="en-US")
    derived.send_email(CHANNEL, "a@example.com")

    derived.close()
    with client.with_options(lang="ja-JP") as another:
        another.send_email(CHANNEL, "b@example.com")

    client.send_email(CHANNEL, "c@example.com")
    derived.send_email(CHANNEL, "d@example.com")
    assert len(connections) == 1


def test_with_closes_the_client(make_client: ClientFactory, mock_server: MockServer) -> None:
    with make_client(mock_server.url) as client:
        client.send_email(CHANNEL, "a@example.com")

    with pytest.raises(RuntimeError, match="client is closed"):
        client.send_email(CHANNEL, "b@example.com")


def test_with_closes_the_client_also_after_an_error(make_client: ClientFactory, mock_server: MockServer) -> None:
    with pytest.raises(ZeroDivisionError), make_client(mock_server.url) as client:
        raise ZeroDivisionError

    with pytest.raises(RuntimeError, match="client is closed"):
        client.send_email(CHANNEL, "b@example.com")


def test_a_derived_client_outlives_its_original(make_client: ClientFactory, mock_server: MockServer) -> None:
    client = make_client()
    # Nobody keeps this original.
    client.client = type(client.client)("app123", mock_server.url).with_options(lang="en-US")
    gc.collect()
    # A connection that was left open would warn when it is collected, and fail the test.
    mock_server.respond_next(SENT, headers={"connection": "close"})

    client.send_email(CHANNEL, "a@example.com")

    assert mock_server.received[0].headers["x-genauth-lang"] == "en-US"


def test_a_client_that_is_not_closed_is_collected_without_a_warning(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    client = make_client()
    client.client = type(client.client)("app123", mock_server.url)
    mock_server.respond_next(SENT, headers={"connection": "close"})
    client.send_email(CHANNEL, "a@example.com")

    client.client = client.client.with_options(lang="en-US")

    # A warning in a finalizer fails the test, as every warning does.
    gc.collect()
