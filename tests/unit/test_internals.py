"""Only one module uses private names of other libraries, and calls survive if any of them is renamed."""

import inspect
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import Mock

import h11
import pytest

import runtime
from runtime.http import httpcore, httpx
from runtime.transport import internals
from runtime.transport.internals import (
    AsyncPlainTransport,
    AsyncPoolTransport,
    PlainTransport,
    PoolTransport,
    has_unread_data,
    warm_up_anyio,
)
from runtime.transport.pools import AsyncPool, SyncPool
from tests.contract.facts import CHANNEL
from tests.servers.raw import RawServer

from .coroutines import run

ROOT = Path(__file__).parents[2]
RUNTIME = Path(runtime.__file__).parent
INTERNALS = Path(internals.__file__)


class Private(NamedTuple):
    """A private name of another library.

    Attributes:
        library: The library's name on import.
        file: The file or directory that contains the name. A directory with that name is renamed too.
        reused: Which clients still reuse a connection without it: "both", the "sync" one, or "none".
        loop: The event loop of the async client.
    """

    library: str
    file: str
    reused: str
    loop: str = "asyncio"


PRIVATE = {
    "_pool": Private("httpx", "_transports/default.py", reused="both"),
    "_h11_state": Private("httpcore", ".", reused="none"),
    "_connection": Private("httpcore", ".", reused="none"),
    "_stream": Private("httpcore", "_backends/anyio.py", reused="sync"),
    "_backends": Private("anyio", ".", reused="both"),
    "_protocol": Private("anyio", "_backends/_asyncio.py", reused="sync"),
    "_trio_socket": Private("anyio", "_backends/_trio.py", reused="sync", loop="trio"),
}
"""Every private name that `internals.py` uses."""


# Calls after a library's release has renamed one

TWO_EMAILS = """
import sys
import anyio
from genauth_email import AsyncAuthenticationClient, AuthenticationClient
from genauth_email._runtime.transport import internals

options = {"app_id": "app-1", "app_host": sys.argv[1]}
channel = sys.argv[4]

with AuthenticationClient(**options) as client:
    print(type(client._transport._http_client._transport) is internals.PoolTransport)
    for email in ("one@example.com", "two@example.com"):
        client.send_email(channel, email)

async def main():
    async with AsyncAuthenticationClient(**options) as client:
        print(type(client._transport._http_client._transport) is internals.AsyncPoolTransport)
        for email in ("three@example.com", "four@example.com"):
            await client.send_email(channel, email)

anyio.run(main, backend=sys.argv[3])
print(__import__(sys.argv[2]).__file__)
"""


def rename(name: str, copies: Path) -> Path:
    """Copy the library with a private name, rename it in the copy, and return the copy."""
    private = PRIVATE[name]
    spec = find_spec(private.library)
    assert spec is not None
    assert spec.origin is not None
    copy = copies / private.library
    shutil.copytree(Path(spec.origin).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    place = copy / private.file
    renamed = 0
    for path in [place] if place.is_file() else place.rglob("*.py"):
        text, number = re.subn(rf"\b{name}\b", f"{name}_renamed", path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
        renamed += number
    assert renamed, f"{private.library} has no {name}"
    if (place / name).is_dir():
        (place / name).rename(place / f"{name}_renamed")
    return copy


@pytest.mark.parametrize(("name", "loop"), [(None, "asyncio"), (None, "trio"), *((name, None) for name in PRIVATE)])
def test_each_email_arrives_once_if_a_private_name_is_renamed(
    name: str | None, loop: str | None, tmp_path: Path
) -> None:
    private = PRIVATE[name] if name else Private("httpx", "", "both", loop or "")
    copy = rename(name, tmp_path) if name else None
    python_path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with RawServer() as server:
        process = subprocess.run(
            [sys.executable, "-c", TWO_EMAILS, server.url, private.library, private.loop, CHANNEL],
            env={**os.environ, "PYTHONPATH": python_path, "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        received = server.finish()
    assert process.stderr == ""
    *is_pool_transport, imported = process.stdout.splitlines()
    assert (copy is not None and Path(imported).is_relative_to(copy)) is (name is not None)
    assert is_pool_transport == [str(name != "_pool")] * 2
    assert len(received) == 4
    for address in (b"one@example.com", b"two@example.com", b"three@example.com", b"four@example.com"):
        assert sum(address in request for request in received) == 1
    assert server.connections == {"both": 2, "sync": 3, "none": 4}[private.reused]


@pytest.mark.parametrize("kind", [PoolTransport, AsyncPoolTransport])
def test_transports_send_on_our_pool(kind: type[Any]) -> None:
    pool = object()
    assert kind(pool, ssl.create_default_context())._pool is pool


@pytest.mark.parametrize(
    ("transport", "pool"), [(httpx.HTTPTransport, SyncPool), (httpx.AsyncHTTPTransport, AsyncPool)]
)
def test_pool_has_every_attribute_that_httpxs_transport_uses(transport: type[Any], pool: type[Any]) -> None:
    # inspect cannot find the source of the class itself, which claims to be in another module.
    methods = filter(inspect.isfunction, vars(transport).values())
    asked = {name for method in methods for name in re.findall(r"\._pool\.(\w+)", inspect.getsource(method))}
    assert len(asked) == 4
    assert asked <= vars(pool).keys()


# The fallback transport


class FakePool:
    """A sync and async pool that responds or raises an error, and the body of its response, which may raise one too."""

    def __init__(self, error: Exception | None = None, body_error: Exception | None = None) -> None:
        self.error = error
        self.body_error = body_error
        self.closed = 0

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        url = request.url
        assert (request.method, url.host, url.target) == (b"POST", b"example.genauth.ai", b"/tea?a=b")
        assert (b"Content-Length", b"2") in request.headers
        assert request.extensions["timeout"] == httpx.Timeout(7).as_dict()
        if self.error is not None:
            raise self.error
        return httpcore.Response(202, headers=[(b"x-id", b"1")], content=self, extensions={"a": 1})

    def __iter__(self) -> Iterator[bytes]:
        yield b"{"
        if self.body_error is not None:
            raise self.body_error
        yield b"}"

    def close(self) -> None:
        self.closed += 1

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        return self.handle_request(request)

    async def __aiter__(self) -> Any:
        for chunk in self:
            yield chunk

    async def aclose(self) -> None:
        self.close()


def post(kind: str, pool: FakePool) -> httpx.Response:
    """Send a request through a plain transport."""
    url = "https://example.genauth.ai/tea?a=b"
    if kind == "sync":
        with httpx.Client(transport=PlainTransport(pool), timeout=7) as client:
            return client.post(url, content=b"{}")

    async def post_async() -> httpx.Response:
        async with httpx.AsyncClient(transport=AsyncPlainTransport(pool), timeout=7) as client:
            return await client.post(url, content=b"{}")

    return run(post_async())


kinds = pytest.mark.parametrize("kind", ["sync", "async"])


@kinds
def test_plain_transport_passes_on_the_request_and_the_response(kind: str) -> None:
    response = post(kind, pool := FakePool())
    assert (response.status_code, response.headers["x-id"], response.content) == (202, "1", b"{}")
    assert response.extensions == {"a": 1}
    assert pool.closed == 2  # The pool itself, and the body.


@kinds
@pytest.mark.parametrize(
    ("error", "result"),
    [
        (httpcore.ConnectError("refused"), httpx.ConnectError),
        (httpcore.RemoteProtocolError("no HTTP"), httpx.RemoteProtocolError),
        (httpx.ConnectTimeout("the deadline has passed"), httpx.ConnectTimeout),
        (ValueError("a bug"), ValueError),
    ],
    ids=repr,
)
@pytest.mark.parametrize(("place", "closed"), [("error", 1), ("body_error", 2)])
def test_plain_transport_raises_httpcores_errors_as_httpxs(
    kind: str, place: str, closed: int, error: Exception, result: type[Exception]
) -> None:
    pool = FakePool(**{place: error})
    with pytest.raises(result) as caught:
        post(kind, pool)
    assert (type(caught.value), str(caught.value)) == (result, str(error))
    assert caught.value is error or caught.value.__cause__ is error
    assert pool.closed == closed


# Data after the response


def connection_after_response(received: bytes = b"") -> SimpleNamespace:
    """Return a connection that received a response, and more data after it."""
    state = h11.Connection(h11.CLIENT)
    state.send(h11.Request(method="GET", target="/", headers=[("host", "example.com")]))
    state.send(h11.EndOfMessage())
    state.receive_data(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}" + received)
    while type(state.next_event()) is not h11.EndOfMessage:
        pass
    return SimpleNamespace(_h11_state=state)


def stream(ssl_object: object = None) -> Any:
    """Return a connection's stream."""
    return Mock(get_extra_info={"ssl_object": ssl_object}.get)


@pytest.mark.parametrize(("received", "unread"), [(b"", False), (b"HTTP/1.1 200 OK\r\n\r\n", True)])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_data_after_the_response_is_found_through_all_wrappers_of_the_connection(
    received: bytes, unread: bool, depth: int
) -> None:
    made = connection_after_response(received)
    for _ in range(depth):
        made = SimpleNamespace(_connection=made)
    assert has_unread_data(made, stream()) is unread


@pytest.mark.parametrize(
    "made",
    [
        SimpleNamespace(_connection=None),
        SimpleNamespace(_h11_state=None),
        SimpleNamespace(_h11_state=SimpleNamespace(trailing_data=None)),
        SimpleNamespace(_h11_state=SimpleNamespace(trailing_data=())),
    ],
)
def test_connection_that_cannot_be_inspected_may_have_unread_data(made: object) -> None:
    assert has_unread_data(made, stream()) is True


def read_ahead(*data: bytes) -> SimpleNamespace:
    """Return a stream of anyio on asyncio."""
    return SimpleNamespace(_protocol=SimpleNamespace(read_queue=data))


@pytest.mark.parametrize(
    ("inner", "unread"),
    [
        (read_ahead(), False),
        (read_ahead(b"H"), True),
        (SimpleNamespace(transport_stream=read_ahead(b"H")), True),
        (SimpleNamespace(_trio_socket=None), False),
        (SimpleNamespace(transport_stream=SimpleNamespace(_trio_socket=None)), False),
        (SimpleNamespace(), True),
        (SimpleNamespace(_protocol=None), True),
    ],
)
def test_data_that_the_event_loop_read_ahead_is_found(inner: object, unread: bool) -> None:
    async_stream = Mock(spec=httpcore.AsyncNetworkStream, _stream=inner)
    assert has_unread_data(connection_after_response(), async_stream) is unread


@pytest.mark.parametrize(
    ("outcome", "unread"),
    [
        (ssl.SSLWantReadError(), False),
        (b"H", True),
        (b"", True),
        (ssl.SSLZeroReturnError(), True),
        (ssl.SSLEOFError(), True),
        (ssl.SSLError(1, "broken"), True),
    ],
    ids=["nothing", "data", "end", "closed", "cut", "broken"],
)
def test_data_that_tls_has_not_decrypted_is_found(outcome: bytes | ssl.SSLError, unread: bool) -> None:
    tls = Mock(spec=ssl.SSLObject)
    tls.read.side_effect = [outcome]
    assert has_unread_data(connection_after_response(), stream(tls)) is unread
    tls.read.assert_called_once_with(1)


def test_tls_on_a_socket_does_not_read_ahead() -> None:
    assert has_unread_data(connection_after_response(), stream(Mock(spec=ssl.SSLSocket))) is False


def test_warm_up_loads_a_backends_modules_and_skips_missing_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "anyio._backends._asyncio", raising=False)
    warm_up_anyio(["missing", "asyncio"])
    assert "anyio._backends._asyncio" in sys.modules


# Nothing else in the package uses private names


def modules() -> Iterator[Path]:
    """Yield the modules of the package. The runtime's are copied unchanged."""
    yield from RUNTIME.rglob("*.py")
    for path in (ROOT / "generated" / "genauth_email").rglob("*.py"):
        if "_runtime" not in path.parts:
            yield path


def names_that_we_define() -> set[str]:
    code = "\n".join(path.read_text(encoding="utf-8") for path in modules())
    definition = (
        r"\b(?:def|class) (_\w+)|\b(?:self|cls|client)\.(_\w+)[^\n=]* = |^ *(_\w+)(?:: [^\n=]+)? = |\b(?:as|for) (_\w+)"
    )
    names = {name for groups in re.findall(definition, code, re.MULTILINE) for name in groups}
    # We use some of these names too, such as `self._pool` of a transport.
    return (names | {"_runtime"}) - PRIVATE.keys()


def private_uses(source: str, ours: set[str]) -> set[str]:
    """Return the private names in a module, including its strings, that are not ours. Attributes of `self` are ours."""
    return set(re.findall(r"(?<![\w`*])_[A-Za-z]\w*", re.sub(r"#.*|\b(self|cls)\._\w+", "", source))) - ours


def test_only_internals_uses_private_names_of_others_and_only_those_renamed_above() -> None:
    ours = names_that_we_define()
    for path in modules():
        used = private_uses(path.read_text(encoding="utf-8"), ours)
        assert used == (PRIVATE.keys() if path.name == INTERNALS.name else set()), path
