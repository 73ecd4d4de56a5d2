"""What the package uses of other libraries that is not public: one module does, and it survives a rename of each."""

import ast
import inspect
import os
import re
import shutil
import ssl
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

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
from runtime.transport.network import SyncStream
from runtime.transport.pools import AsyncPool, SyncPool
from tests.servers.raw import RawServer

from .coroutines import run

ROOT = Path(__file__).parents[2]
RUNTIME = Path(runtime.__file__).parent
INTERNALS = Path(internals.__file__)
FOREIGN = ("aiohttp", "anyio", "h11", "httpcore", "httpx")


class Private(NamedTuple):
    """A private name of another library.

    Attributes:
        library: The library, as it is imported.
        file: The file that has the name, or a directory. A directory of that name is renamed, too.
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


# What becomes of a call when a release of another library has renamed one.

TWO_EMAILS = """
import sys
import anyio
from genauth_email import AsyncAuthenticationClient, AuthenticationClient, Channel
from genauth_email._runtime.transport import internals

options = {"app_id": "app-1", "app_host": sys.argv[1]}

with AuthenticationClient(**options) as client:
    print(type(client._transport._http_client._transport) is internals.PoolTransport)
    for email in ("one@example.com", "two@example.com"):
        client.send_email(Channel.CHANNEL_LOGIN, email)

async def main():
    async with AsyncAuthenticationClient(**options) as client:
        print(type(client._transport._http_client._transport) is internals.AsyncPoolTransport)
        for email in ("three@example.com", "four@example.com"):
            await client.send_email(Channel.CHANNEL_LOGIN, email)

anyio.run(main, backend=sys.argv[3])
print(__import__(sys.argv[2]).__file__)
"""


def rename(name: str, copies: Path) -> Path:
    """Copy the library that has a private name, and rename that in the copy. Return the copy."""
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
def test_emails_arrive_once_each_when_a_private_name_was_renamed(
    name: str | None, loop: str | None, tmp_path: Path
) -> None:
    private = PRIVATE[name] if name else Private("httpx", "", "both", loop or "")
    copy = rename(name, tmp_path) if name else None
    python_path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    with RawServer() as server:
        process = subprocess.run(
            [sys.executable, "-c", TWO_EMAILS, server.url, private.library, private.loop],
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
def test_pool_has_all_that_the_transport_of_httpx_asks_of_one(transport: type[Any], pool: type[Any]) -> None:
    asked = {
        node.attr
        for method in functions_in(transport)
        for node in ast.walk(tree_of(method))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "_pool"
    }
    assert len(asked) == 4
    assert asked <= vars(pool).keys()


# The transport that takes over.


class Body:
    """The body of a response of httpcore, sync and async."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"{"
        if self.error is not None:
            raise self.error
        yield b"}"

    async def __aiter__(self) -> Any:
        for chunk in self:
            yield chunk

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


class FakePool:
    """Responds with `body`, or raises `error`."""

    def __init__(self, body: Body, error: Exception | None) -> None:
        self.body = body
        self.error = error
        self.closed = False
        self.requests: list[httpcore.Request] = []

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return httpcore.Response(202, headers=[(b"x-id", b"1")], content=self.body, extensions={"a": 1})

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        return self.handle_request(request)

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


async def read_async(pool: FakePool, request: httpx.Request) -> httpx.Response:
    async with AsyncPlainTransport(pool) as transport:
        response = await transport.handle_async_request(request)
        try:
            await response.aread()
        finally:
            await response.aclose()
        return response


def read(kind: str, error: Exception | None = None, body_error: Exception | None = None) -> httpx.Response:
    """Send a request by a plain transport, and read the response."""
    body = Body(body_error)
    pool = FakePool(body, error)
    request = httpx.Request("POST", "https://example.genauth.ai/tea?a=b", content=b"{}", extensions={"timeout": {}})
    try:
        if kind == "async":
            return run(read_async(pool, request))
        with PlainTransport(pool) as transport:
            response = transport.handle_request(request)
            try:
                response.read()
            finally:
                response.close()
            return response
    finally:
        [sent] = pool.requests
        assert (sent.method, sent.url.host, sent.url.target) == (b"POST", b"example.genauth.ai", b"/tea?a=b")
        assert (b"Content-Length", b"2") in sent.headers
        assert sent.extensions == request.extensions
        assert pool.closed
        assert body.closed is (error is None)


kinds = pytest.mark.parametrize("kind", ["sync", "async"])


@kinds
def test_plain_transport_hands_on_the_request_and_the_response(kind: str) -> None:
    response = read(kind)
    assert (response.status_code, response.headers["x-id"], response.content) == (202, "1", b"{}")
    assert response.extensions == {"a": 1}


@kinds
@pytest.mark.parametrize(
    ("error", "result"),
    [
        (httpcore.ConnectError("refused"), httpx.ConnectError),
        (httpcore.PoolTimeout("all are in use"), httpx.PoolTimeout),
        (httpcore.RemoteProtocolError("no HTTP"), httpx.RemoteProtocolError),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_plain_transport_raises_the_errors_of_httpx(kind: str, error: Exception, result: type[Exception]) -> None:
    for errors in ({"error": error}, {"body_error": error}):
        with pytest.raises(result) as caught:
            read(kind, **errors)
        assert type(caught.value) is result
        assert str(caught.value) == str(error)
        assert caught.value.__cause__ is error


@kinds
@pytest.mark.parametrize("error", [httpx.ConnectTimeout("the deadline has passed"), ValueError("a bug")])
def test_plain_transport_lets_other_errors_through(kind: str, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        read(kind, error=error)
    assert caught.value is error


# What came after the response.


class Stream:
    """The stream of a connection."""

    def __init__(self, ssl_object: object = None) -> None:
        self._ssl_object = ssl_object

    def get_extra_info(self, info: str) -> object:
        return {"ssl_object": self._ssl_object}[info]


class ConnectionAfterResponse:
    """A connection that has had a response."""

    def __init__(self, received: bytes) -> None:
        self._h11_state = h11.Connection(h11.CLIENT)
        self._h11_state.send(h11.Request(method="GET", target="/", headers=[("host", "example.com")]))
        self._h11_state.send(h11.EndOfMessage())
        self._h11_state.receive_data(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}" + received)
        while type(self._h11_state.next_event()) is not h11.EndOfMessage:
            pass


class Holder:
    def __init__(self, held: object) -> None:
        self._connection = held


@pytest.mark.parametrize(("received", "unread"), [(b"", False), (b"HTTP/1.1 200 OK\r\n\r\n", True)])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_what_came_after_the_response_is_found_through_all_that_hold_the_connection(
    received: bytes, unread: bool, depth: int
) -> None:
    made: object = ConnectionAfterResponse(received)
    for _ in range(depth):
        made = Holder(made)
    assert has_unread_data(made, Stream()) is unread


class Renamed:
    """Stands for a connection or a state whose attributes have other names."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


@pytest.mark.parametrize(
    "made",
    [
        None,
        Holder(None),
        Holder(Renamed()),
        Renamed(_h11_state=None),
        Renamed(_h11_state=Renamed(trailing_data=None)),
        Renamed(_h11_state=Renamed(trailing_data=())),
    ],
)
def test_connection_that_cannot_be_looked_into_may_have_unread_data(made: object) -> None:
    assert has_unread_data(made, Stream()) is True


class BufferedStream(httpcore.AsyncNetworkStream):
    """A stream of httpcore on a stream of anyio."""

    def __init__(self, inner: object) -> None:
        self._stream = inner

    def get_extra_info(self, info: str) -> None:
        pass


@pytest.mark.parametrize(
    ("inner", "unread"),
    [
        (Renamed(_protocol=Renamed(read_queue=[])), False),
        (Renamed(_protocol=Renamed(read_queue=[b"H"])), True),
        (Renamed(transport_stream=Renamed(_protocol=Renamed(read_queue=[b"H"]))), True),
        (Renamed(_trio_socket=None), False),
        (Renamed(transport_stream=Renamed(_trio_socket=None)), False),
        (Renamed(), True),
        (Renamed(_protocol=None), True),
    ],
)
def test_what_the_event_loop_has_read_ahead_is_found_too(inner: object, unread: bool) -> None:
    assert has_unread_data(ConnectionAfterResponse(b""), BufferedStream(inner)) is unread


class Tls(ssl.SSLObject):
    """TLS of an async stream, with what it has read and not yet decrypted."""

    outcome: bytes | ssl.SSLError

    def __new__(cls, outcome: bytes | ssl.SSLError) -> "Tls":
        made = object.__new__(cls)
        made.outcome = outcome
        return made

    def __init__(self, outcome: bytes | ssl.SSLError) -> None:
        pass

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        assert len == 1
        if isinstance(self.outcome, ssl.SSLError):
            raise self.outcome
        return self.outcome


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
def test_what_tls_has_not_decrypted_yet_is_found_too(outcome: bytes | ssl.SSLError, unread: bool) -> None:
    assert has_unread_data(ConnectionAfterResponse(b""), Stream(Tls(outcome))) is unread


def test_tls_on_a_socket_reads_no_further_than_it_is_asked_to() -> None:
    assert has_unread_data(ConnectionAfterResponse(b""), Stream(object())) is False


def test_warm_up_loads_the_modules_of_a_backend_and_passes_over_those_that_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "anyio._backends._asyncio", raising=False)
    warm_up_anyio(["missing", "asyncio"])
    assert "anyio._backends._asyncio" in sys.modules


# Nothing else in the package uses private names.


def modules() -> list[Path]:
    return [*sorted(RUNTIME.rglob("*.py")), *sorted((ROOT / "generated" / "genauth_email").rglob("*.py"))]


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


@cache
def names_that_we_define() -> set[str]:
    names: set[str] = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
                names.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and node.level and node.module:
                names |= set(node.module.split("."))  # A module of ours, such as `_runtime`.
    # Some names are ours as well: `self._pool` of a transport, for one.
    return names - PRIVATE.keys()


def private_uses(source: str, ours: set[str]) -> Iterator[str]:
    """The private names that a module uses and that are not ours: attributes, imports, and all texts but comments."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Attribute) and not is_self(node.value):
            names = [node.attr]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [part for alias in node.names for part in alias.name.split(".")]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            names = re.findall(r"(?<!\w)_\w+", node.value)
        yield from (name for name in names if is_private(name) and name not in ours)


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_internals_uses_what_is_private_to_others_and_no_more_than_is_renamed_above(path: Path) -> None:
    used = set(private_uses(path.read_text(encoding="utf-8"), names_that_we_define()))
    assert used == (PRIVATE.keys() if path.name == INTERNALS.name else set())


@pytest.mark.parametrize(
    "source",
    [
        "client._transport_for_url",
        "connection._h11_state.trailing_data",
        "connection._connection",
        "super()._get(key)",
        "import httpcore._sync",
        "from httpx._client import Client",
        "from httpcore import _sync",
        "from somewhere._new import Client",
        'getattr(session, "_retry_connection")',
        'name = "_h11_state"',
        'import_module("anyio._backends")',
        'import_module(f"anyio._backends.{name}")',
    ],
)
def test_use_of_what_is_private_is_found(source: str) -> None:
    assert len(list(private_uses(source, {"_options"}))) == 1


def test_use_of_what_is_our_own_is_none() -> None:
    source = '''
"""A docstring of _something."""
from ._own import _thing
self._get(client._options, cls._pool, a.__dict__, "_options", "x_name", "genauth_email")
'''
    assert list(private_uses(source, {"_options"})) == []


def functions_in(kind: type[Any]) -> list[Callable[..., Any]]:
    """The methods of a class. The source of a class of httpx is not found: it names another module."""
    return [each for each in vars(kind).values() if inspect.isfunction(each)]


def tree_of(function: Callable[..., Any]) -> ast.Module:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def private_attributes(kind: type[Any]) -> set[str]:
    """The private attributes that the methods of a class use of `self`."""
    nodes = [node for function in functions_in(kind) for node in ast.walk(tree_of(function))]
    return {
        node.attr for node in nodes if isinstance(node, ast.Attribute) and is_self(node.value) and is_private(node.attr)
    }


def classes_with_a_base_of_others() -> Iterator[tuple[type[Any], type[Any]]]:
    for path in RUNTIME.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for kind in vars(import_module(name)).values():
            if isinstance(kind, type) and kind.__module__ == name:
                for base in kind.__mro__:
                    if base.__module__.partition(".")[0] in FOREIGN:
                        yield kind, base


def test_our_own_attributes_are_none_of_a_base_class_of_others() -> None:
    pairs = list(classes_with_a_base_of_others())
    assert (SyncStream, httpcore.NetworkStream) in pairs
    for kind, base in pairs:
        assert private_attributes(kind) & private_attributes(base) == set(), f"{kind.__qualname__}, {base.__qualname__}"
