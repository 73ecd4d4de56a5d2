"""Options of a call and of a derived client, the connections that clients share, and their end."""

import gc
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import anyio
import httpx
import pytest
import stamina
from genauth_email import APIConnectionError, Lang
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.faults.server import RawServer
from tests.genauth_server import GenAuth, Server
from tests.genauth_server.contract import Received
from tests.twins import Connect, Twin

from .mock import Network

MINE: dict[str, Any] = {"access_token": "my-s3cret", "lang": "en-US", "real_ip": "203.0.113.1"}
OTHER: dict[str, Any] = {"access_token": "other-s3cret", "lang": Lang.JA_JP, "real_ip": "2001:db8::2"}
NONE: dict[str, Any] = {"access_token": None, "lang": None, "real_ip": None}


def options_of(request: Received) -> dict[str, str | None]:
    names = {"access_token": "authorization", "lang": "x-genauth-lang", "real_ip": "x-real-ip"}
    return {option: request.headers.get(header) for option, header in names.items()}


class Connections:
    """Counts the connections that reach `app`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.peers: set[object] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.peers.add(scope["client"])
        await self._app(scope, receive, send)


class Gate:
    """Has the first request `arrived`, holds it until the gate is `open`, and lets the others pass."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.arrived = Event()
        self.open = Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.arrived.is_set():
            self.arrived.set()
            await anyio.to_thread.run_sync(self.open.wait, 10)
        await self._app(scope, receive, send)


@pytest.fixture
def connections(genauth: GenAuth, genauth_server: Server) -> Connections:
    genauth_server.app = connections = Connections(genauth.app)
    return connections


@pytest.fixture
def gate(genauth: GenAuth, genauth_server: Server) -> Gate:
    genauth_server.app = gate = Gate(genauth.app)
    return gate


@pytest.mark.parametrize("of_client", [MINE, {}])
def test_options_of_a_call_win_and_do_not_stay(
    connect: Connect, genauth: GenAuth, of_client: dict[str, Any]
) -> None:
    client = connect(genauth.url, **of_client)

    client.send_email("CHANNEL_LOGIN", "a@example.com", **OTHER)
    client.send_email("CHANNEL_LOGIN", "b@example.com")

    first, second = map(options_of, genauth.received)
    assert first == OTHER
    assert second == NONE | of_client


@pytest.mark.parametrize("option", MINE)
def test_an_option_of_a_call_leaves_the_others(connect: Connect, genauth: GenAuth, option: str) -> None:
    connect(genauth.url, **MINE).send_email("CHANNEL_LOGIN", "a@example.com", **{option: OTHER[option]})

    assert options_of(genauth.received[0]) == MINE | {option: OTHER[option]}


def test_a_timeout_of_a_call_wins_and_does_not_stay(connect: Connect) -> None:
    network = Network()
    client = network.connect(connect, timeout=7)

    client.send_email("CHANNEL_LOGIN", "a@example.com", timeout=0.5)
    client.send_email("CHANNEL_LOGIN", "a@example.com", timeout=httpx.Timeout(3, read=None))
    client.send_email("CHANNEL_LOGIN", "a@example.com")

    assert [request.extensions["timeout"] for request in network.requests] == [
        httpx.Timeout(0.5).as_dict(),
        httpx.Timeout(3, read=None).as_dict(),
        httpx.Timeout(7).as_dict(),
    ]


def send_through_a_derived_client(client: Twin, email: str) -> None:
    client.with_options(**OTHER).send_email("CHANNEL_LOGIN", email)


def send_with_options_of_the_call(client: Twin, email: str) -> None:
    client.send_email("CHANNEL_LOGIN", email, **OTHER)


BOTH_WAYS = pytest.mark.parametrize(
    "send_otherwise", [send_through_a_derived_client, send_with_options_of_the_call]
)


@BOTH_WAYS
def test_other_options_are_not_seen_by_a_call_made_meanwhile(
    connect: Connect, genauth: GenAuth, gate: Gate, send_otherwise: Callable[[Twin, str], None]
) -> None:
    client = connect(genauth.url, **MINE)
    with ThreadPoolExecutor() as pool:
        held = pool.submit(send_otherwise, client, "held@example.com")
        assert gate.arrived.wait(10)
        client.send_email("CHANNEL_LOGIN", "meanwhile@example.com")
        gate.open.set()
        held.result()
    client.send_email("CHANNEL_LOGIN", "after@example.com")

    seen = {request.json["email"]: options_of(request) for request in genauth.received}
    assert seen == {"meanwhile@example.com": MINE, "held@example.com": OTHER, "after@example.com": MINE}


@BOTH_WAYS
def test_other_options_do_not_reach_a_call_in_flight(
    connect: Connect, genauth: GenAuth, gate: Gate, send_otherwise: Callable[[Twin, str], None]
) -> None:
    client = connect(genauth.url, **MINE)
    # The gateway's answer makes the held call go out again, with whatever the client has by then.
    genauth.answer_next({"statusCode": 200, "message": "Sent."})
    genauth.answer_next(b"busy", http_status=503, headers={"retry-after": "0"}, judged=False)
    with ThreadPoolExecutor() as pool:
        held = pool.submit(client.send_email, "CHANNEL_LOGIN", "held@example.com")
        assert gate.arrived.wait(10)
        send_otherwise(client, "meanwhile@example.com")
        gate.open.set()
        held.result()

    seen = [(request.json["email"], options_of(request)) for request in genauth.received]
    assert seen == [("meanwhile@example.com", OTHER), ("held@example.com", MINE), ("held@example.com", MINE)]


def test_many_users_at_once_are_kept_apart(connect: Connect, genauth: GenAuth) -> None:
    client = connect(genauth.url, **MINE)
    users = 8
    start = Barrier(users)

    def serve(user: int) -> None:
        start.wait(10)
        for turn in range(2):
            derived = client.with_options(access_token=f"s3cret-{user}", real_ip=f"203.0.113.{user}")
            derived.send_email("CHANNEL_LOGIN", f"{user}.{turn}@derived.example")
            client.send_email("CHANNEL_LOGIN", f"{user}.{turn}@call.example", real_ip=f"203.0.113.{user}")
            client.send_email("CHANNEL_LOGIN", f"{user}.{turn}@original.example")

    with ThreadPoolExecutor(users) as pool:
        list(pool.map(serve, range(users)))

    assert len(genauth.received) == users * 2 * 3
    for request in genauth.received:
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


def test_a_derived_client_differs_and_leaves_the_original(connect: Connect, genauth: GenAuth) -> None:
    client = connect(genauth.url, **MINE)
    derived = client.with_options(app_id="other", **OTHER)

    derived.send_email("CHANNEL_LOGIN", "a@example.com")
    client.send_email("CHANNEL_LOGIN", "b@example.com")

    of_derived, of_client = genauth.received
    assert type(derived.client) is type(client.client)
    assert options_of(of_derived) == OTHER
    assert of_derived.headers["x-genauth-app-id"] == "other"
    assert options_of(of_client) == MINE
    assert of_client.headers["x-genauth-app-id"] == "app123"


def test_a_derived_client_can_have_another_host_and_timeout(connect: Connect) -> None:
    network = Network()
    client = network.connect(connect, "https://a.example", timeout=7)

    client.with_options(app_host="https://b.example/", timeout=1).send_email("CHANNEL_LOGIN", "a@example.com")
    client.send_email("CHANNEL_LOGIN", "a@example.com")

    hosts = [(request.url.host, request.extensions["timeout"]["read"]) for request in network.requests]
    assert hosts == [("b.example", 1), ("a.example", 7)]


def test_a_derived_client_can_have_another_number_of_retries(connect: Connect) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    network = Network(refuse)
    client = network.connect(connect, max_retries=2)

    def attempts(client: Twin) -> int:
        network.requests.clear()
        with stamina.set_testing(True, attempts=9, cap=True), pytest.raises(APIConnectionError):
            client.send_email("CHANNEL_LOGIN", "a@example.com")
        return len(network.requests)

    assert attempts(client.with_options(max_retries=0)) == 1
    assert attempts(client.with_options(max_retries=1)) == 2
    assert attempts(client) == 3


def test_none_clears_an_option(connect: Connect, genauth: GenAuth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAUTH_LANG", "zh-TW")
    monkeypatch.setenv("GENAUTH_ACCESS_TOKEN", "s3cret-of-environment")
    client = connect(genauth.url, **MINE)

    client.with_options(**NONE).send_email("CHANNEL_LOGIN", "a@example.com")
    client.with_options(lang=None).send_email("CHANNEL_LOGIN", "b@example.com")
    client.send_email(
        "CHANNEL_LOGIN", "c@example.com", lang=None, access_token=None, real_ip=None, timeout=None
    )

    assert list(map(options_of, genauth.received)) == [NONE, MINE | {"lang": None}, MINE]


def test_options_add_up_along_a_chain(connect: Connect, genauth: GenAuth) -> None:
    client = connect(genauth.url).with_options(real_ip="203.0.113.1").with_options(lang="en-US")

    client.with_options(access_token="my-s3cret").send_email("CHANNEL_LOGIN", "a@example.com")
    client.with_options(real_ip="203.0.113.2").send_email("CHANNEL_LOGIN", "b@example.com")
    client.with_options().send_email("CHANNEL_LOGIN", "c@example.com")

    assert list(map(options_of, genauth.received)) == [
        MINE,
        NONE | {"lang": "en-US", "real_ip": "203.0.113.2"},
        NONE | {"lang": "en-US", "real_ip": "203.0.113.1"},
    ]


def test_derived_clients_share_the_connections(
    connect: Connect, genauth: GenAuth, connections: Connections
) -> None:
    client = connect(genauth.url)
    client.send_email("CHANNEL_LOGIN", "a@example.com")
    for user in range(5):
        derived = client.with_options(real_ip=f"203.0.113.{user}")
        derived.send_email("CHANNEL_LOGIN", f"{user}@example.com")
        derived.with_options(lang="en-US").send_email("CHANNEL_REGISTER", f"{user}@example.com")
        derived.send_email("CHANNEL_BIND_EMAIL", f"{user}@example.com", access_token="s3cret")

    assert len(genauth.received) == 16
    assert len(connections.peers) == 1


def test_each_host_keeps_its_connection(connect: Connect) -> None:
    with RawServer() as one, RawServer() as another:
        client = connect(one.url)
        for number in range(3):
            for server in (one, another):
                client.with_options(app_host=server.url).send_email("CHANNEL_LOGIN", f"{number}@example.com")
        client.close()
        assert [len(one.finish()), len(another.finish())] == [3, 3]
        assert [one.connections, another.connections] == [1, 1]


# A router on the way may have forgotten one by then, and would not tell.
def test_a_connection_that_was_idle_for_too_long_is_not_used_again(
    connect: Connect, genauth: GenAuth, connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genauth_email.connections.KEPT_IDLE", 0.01)
    client = connect(genauth.url)
    for number in range(2):
        client.send_email("CHANNEL_LOGIN", f"{number}@example.com")
        time.sleep(0.02)

    assert len(connections.peers) == 2


def test_clients_made_anew_do_not_share_connections(
    connect: Connect, genauth: GenAuth, connections: Connections
) -> None:
    for number in range(2):
        connect(genauth.url).send_email("CHANNEL_LOGIN", f"{number}@example.com")

    assert len(connections.peers) == 2


def test_a_cookie_that_one_call_gets_is_not_sent_with_the_next(connect: Connect, genauth: GenAuth) -> None:
    client = connect(genauth.url)
    genauth.answer_next(
        {"statusCode": 200, "message": ""}, headers={"set-cookie": "session=of-a; path=/"}, judged=False
    )

    client.with_options(access_token="a-s3cret").send_email("CHANNEL_LOGIN", "a@example.com")
    client.with_options(access_token="b-s3cret").send_email("CHANNEL_LOGIN", "b@example.com")

    assert "cookie" not in genauth.received[1].headers


def test_closing_a_derived_client_leaves_the_connections_to_their_owner(
    connect: Connect, genauth: GenAuth, connections: Connections
) -> None:
    client = connect(genauth.url)
    derived = client.with_options(lang="en-US")
    derived.send_email("CHANNEL_LOGIN", "a@example.com")

    derived.close()
    with client.with_options(lang="ja-JP") as another:
        another.send_email("CHANNEL_LOGIN", "b@example.com")

    client.send_email("CHANNEL_LOGIN", "c@example.com")
    derived.send_email("CHANNEL_LOGIN", "d@example.com")
    assert len(connections.peers) == 1


def test_a_closed_client_says_so(connect: Connect, genauth: GenAuth) -> None:
    client = connect(genauth.url)
    derived = client.with_options(lang="en-US")
    client.send_email("CHANNEL_LOGIN", "a@example.com")

    client.close()
    client.close()

    for closed in (client, derived, client.with_options(lang="ja-JP")):
        with pytest.raises(RuntimeError, match="client has been closed"):
            closed.send_email("CHANNEL_LOGIN", "b@example.com")
    assert len(genauth.received) == 1


def test_a_client_can_be_closed_that_was_never_used(connect: Connect, genauth: GenAuth) -> None:
    client = connect(genauth.url)

    client.close()

    with pytest.raises(RuntimeError, match="client has been closed"):
        client.send_email("CHANNEL_LOGIN", "a@example.com")


def test_with_closes_the_client(connect: Connect, genauth: GenAuth) -> None:
    with connect(genauth.url) as client:
        client.send_email("CHANNEL_LOGIN", "a@example.com")

    with pytest.raises(RuntimeError, match="client has been closed"):
        client.send_email("CHANNEL_LOGIN", "b@example.com")


def test_with_closes_the_client_also_after_an_error(connect: Connect, genauth: GenAuth) -> None:
    with pytest.raises(ZeroDivisionError), connect(genauth.url) as client:
        raise ZeroDivisionError

    with pytest.raises(RuntimeError, match="client has been closed"):
        client.send_email("CHANNEL_LOGIN", "b@example.com")


def test_a_derived_client_outlives_its_original(connect: Connect, genauth: GenAuth) -> None:
    twin = connect()
    # Nobody keeps this original.
    twin.client = type(twin.client)("app123", genauth.url).with_options(lang="en-US")
    gc.collect()
    # A connection that were left open would warn when it is collected, and fail the test.
    genauth.answer_next({"statusCode": 200, "message": ""}, headers={"connection": "close"})

    twin.send_email("CHANNEL_LOGIN", "a@example.com")

    assert genauth.received[0].headers["x-genauth-lang"] == "en-US"


def test_a_client_that_is_not_closed_is_collected_in_silence(connect: Connect, genauth: GenAuth) -> None:
    twin = connect()
    twin.client = type(twin.client)("app123", genauth.url)
    genauth.answer_next({"statusCode": 200, "message": ""}, headers={"connection": "close"})
    twin.send_email("CHANNEL_LOGIN", "a@example.com")

    twin.client = twin.client.with_options(lang="en-US")

    # A warning in a finalizer fails the test, as every warning does.
    gc.collect()
