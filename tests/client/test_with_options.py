"""Options of calls and derived clients, shared connections, and closing them."""

import gc
import time
from contextlib import suppress
from typing import Any

import httpx
import pytest
from genauth_email import Lang

from tests.clients import ClientFactory, before_transport
from tests.clock import Clock
from tests.contract.facts import CHANNEL
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .helpers import SENT, MockNetwork, requests_to, send

DTO = SUCCESS.partition(b"\r\n\r\n")[2]

MINE: dict[str, Any] = {"access_token": "my-s3cret", "lang": "en-US", "real_ip": "203.0.113.1"}
OTHER: dict[str, Any] = {"access_token": "other-s3cret", "lang": Lang.JA_JP, "real_ip": "2001:db8::2"}
NONE: dict[str, Any] = {"access_token": None, "lang": None, "real_ip": None}


def options_of(request: httpx.Request) -> dict[str, str | None]:
    names = {"access_token": "authorization", "lang": "x-genauth-lang", "real_ip": "x-real-ip"}
    return {option: request.headers.get(header) for option, header in names.items()}


@before_transport
@pytest.mark.parametrize("of_client", [MINE, {}])
@pytest.mark.parametrize("of_call", [OTHER, *({name: value} for name, value in OTHER.items())])
def test_options_of_a_call_override_the_clients_only_for_that_call(
    make_client: ClientFactory, of_client: dict[str, Any], of_call: dict[str, Any]
) -> None:
    network = MockNetwork()
    client = network.new_client(make_client, **of_client)

    send(client, **of_call)
    send(client)

    assert list(map(options_of, network.requests)) == [NONE | of_client | of_call, NONE | of_client]


@before_transport
def test_a_timeout_of_a_call_overrides_the_clients_only_for_that_call(make_client: ClientFactory, clock: Clock) -> None:
    network = MockNetwork()
    client = network.new_client(make_client, timeout=7)

    send(client, timeout=0.5)
    send(client, timeout=httpx.Timeout(3, read=None))
    send(client)

    assert network.timeouts == [
        httpx.Timeout(0.5).as_dict(),
        httpx.Timeout(3, read=None).as_dict(),
        httpx.Timeout(7).as_dict(),
    ]


@before_transport
def test_a_derived_client_does_not_change_the_original(make_client: ClientFactory, clock: Clock) -> None:
    network = MockNetwork()
    client = network.new_client(make_client, "https://a.example", timeout=7, **MINE)
    derived = client.with_options(app_id="other", app_host="https://b.example/", timeout=1, **OTHER)

    send(derived)
    send(client)

    of_derived, of_client = network.requests
    assert type(derived.client) is type(client.client)
    assert (options_of(of_derived), options_of(of_client)) == (OTHER, MINE)
    assert (of_derived.headers["x-genauth-app-id"], of_client.headers["x-genauth-app-id"]) == ("other", "app123")
    assert (of_derived.url.host, of_client.url.host) == ("b.example", "a.example")
    assert [timeouts["read"] for timeouts in network.timeouts] == [1, 7]


@before_transport
def test_none_clears_an_option_of_a_client_and_leaves_it_in_a_call(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAUTH_LANG", "zh-TW")
    monkeypatch.setenv("GENAUTH_ACCESS_TOKEN", "s3cret-of-environment")
    network = MockNetwork()
    client = network.new_client(make_client, **MINE)

    send(client.with_options(**NONE))
    send(client.with_options(lang=None).with_options(app_id="other"))
    send(client, lang=None, access_token=None, real_ip=None, timeout=None)

    assert list(map(options_of, network.requests)) == [NONE, MINE | {"lang": None}, MINE]


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


# A router may silently forget a connection that is idle for too long. aiohttp supports only the first four rows.
@pytest.mark.parametrize(
    ("limits", "header", "connections"),
    [
        ({}, {}, 1),
        ({"keepalive_expiry": None}, {}, 1),
        ({"keepalive_expiry": 0.01}, {}, 2),
        ({"max_connections": None}, {}, 1),
        ({"max_keepalive_connections": 0}, {}, 2),
        ({}, {"keep-alive": "timeout=60"}, 1),
        ({}, {"keep-alive": "timeout=1"}, 2),
    ],
)
def test_an_idle_connection_is_kept_if_the_limits_and_the_server_allow_it(
    make_client: ClientFactory, limits: dict[str, Any], header: dict[str, str], connections: int
) -> None:
    if make_client.kind == "aiohttp" and (header or "max_keepalive_connections" in limits):
        connections = 1
    with RawServer(Step(http(200, DTO, header))) as server:
        client = make_client(server.url, limits=httpx.Limits(**limits))
        send(client)
        time.sleep(0.02)
        send(client)
        assert server.connections == connections


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
        send(client)
        if error:
            raise error

    with pytest.raises(RuntimeError, match="client is closed"):
        send(client)


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
