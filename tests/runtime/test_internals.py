"""What the package uses of others that is not public. If one of these tests fails, read the release notes."""

import ast
import asyncio
import inspect
import ssl
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import h11
import pytest
from anyio.streams.tls import TLSAttribute
from httpcore._async.http11 import AsyncHTTP11Connection
from httpcore._backends.anyio import AnyIOStream
from httpcore._sync.http11 import HTTP11Connection

import runtime
from runtime import aiohttp_internals, internals
from runtime.async_transport import AsyncPool
from runtime.http import httpcore, httpx
from runtime.internals import AsyncPoolTransport, PoolTransport, has_trailing_data
from runtime.sync_transport import SyncPool

ROOT = Path(__file__).parents[2]
FOREIGN = ("httpx", "httpcore", "h11", "anyio", "aiohttp")


def tree_of(thing: Any) -> ast.Module:
    return ast.parse(textwrap.dedent(inspect.getsource(thing)))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def own_attributes(tree: ast.AST) -> set[str]:
    """The private attributes that the methods of a class use of `self`."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and is_self(node.value) and is_private(node.attr)
    }


def methods_of(kind: type[Any]) -> dict[str, Any]:
    """The methods of a class. The source of a class of httpx is not found: it names another module."""
    return {name: each for name, each in vars(kind).items() if inspect.isfunction(each)}


def class_attributes(kind: type[Any]) -> set[str]:
    return set().union(*(own_attributes(tree_of(method)) for method in methods_of(kind).values()))


@pytest.mark.parametrize("transport", [httpx.HTTPTransport, httpx.AsyncHTTPTransport])
def test_transport_of_httpx_uses_nothing_of_its_own_but_the_pool(transport: type[Any]) -> None:
    methods = methods_of(transport)
    assert "__init__" in methods
    del methods["__init__"]
    assert set().union(*(own_attributes(tree_of(method)) for method in methods.values())) == {"_pool"}


@pytest.mark.parametrize(
    ("transport", "pool"),
    [(httpx.HTTPTransport, SyncPool), (httpx.AsyncHTTPTransport, AsyncPool)],
)
def test_pool_has_all_that_the_transport_of_httpx_asks_of_one(transport: type[Any], pool: type[Any]) -> None:
    asked = {
        node.attr
        for name, method in methods_of(transport).items()
        if name != "__init__"
        for node in ast.walk(tree_of(method))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "_pool"
    }
    assert len(asked) >= 4
    assert asked <= vars(pool).keys()


def test_transports_make_no_pool_of_httpx() -> None:
    pool: Any = object()
    assert vars(PoolTransport(pool)) == {"_pool": pool}
    assert vars(AsyncPoolTransport(pool)) == {"_pool": pool}


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        ("connection", "HTTPConnection"),
        ("http_proxy", "ForwardHTTPConnection"),
        ("http_proxy", "TunnelHTTPConnection"),
        ("socks_proxy", "Socks5Connection"),
    ],
)
@pytest.mark.parametrize("twin", ["sync", "async"])
def test_connection_of_httpcore_holds_another_one(twin: str, module: str, kind: str) -> None:
    # Its text is enough: the module for SOCKS cannot be imported without another package.
    path = Path(httpcore.__file__).parent / f"_{twin}" / f"{module}.py"
    name = kind if twin == "sync" else f"Async{kind}"
    [tree] = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef) and node.name == name
    ]
    used = own_attributes(tree)
    assert "_connection" in used
    assert "_h11_state" not in used


@pytest.mark.parametrize("kind", [HTTP11Connection, AsyncHTTP11Connection])
def test_connection_of_http11_has_the_state_of_h11_and_a_stream(kind: type[Any]) -> None:
    made = kind(httpcore.Origin(b"http", b"example.com", 80), Stream(None))
    assert isinstance(made._h11_state, h11.Connection)
    assert isinstance(made._network_stream, Stream)


def test_h11_tells_what_came_after_the_response() -> None:
    assert connection_with(b"").trailing == b""
    assert connection_with(b"more").trailing == b"more"


class Stream:
    """The stream of a connection."""

    def __init__(self, ssl_object: object) -> None:
        self._ssl_object = ssl_object

    def get_extra_info(self, info: str) -> object:
        return {"ssl_object": self._ssl_object}[info]


class ConnectionAfterResponse:
    """A connection that has had a response."""

    def __init__(self, received: bytes, ssl_object: object = None) -> None:
        self._network_stream = Stream(ssl_object)
        self._h11_state = h11.Connection(h11.CLIENT)
        self._h11_state.send(h11.Request(method="GET", target="/", headers=[("host", "example.com")]))
        self._h11_state.send(h11.EndOfMessage())
        self._h11_state.receive_data(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}" + received)
        while type(self._h11_state.next_event()) is not h11.EndOfMessage:
            pass

    @property
    def trailing(self) -> bytes:
        return self._h11_state.trailing_data[0]


def connection_with(received: bytes, ssl_object: object = None) -> ConnectionAfterResponse:
    return ConnectionAfterResponse(received, ssl_object)


class Holder:
    def __init__(self, held: object) -> None:
        self._connection = held


@pytest.mark.parametrize(("received", "trailing"), [(b"", False), (b"HTTP/1.1 200 OK\r\n\r\n", True)])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_what_came_after_the_response_is_found_through_all_that_hold_the_connection(
    received: bytes, trailing: bool, depth: int
) -> None:
    made: object = connection_with(received)
    for _ in range(depth):
        made = Holder(made)
    assert has_trailing_data(made) is trailing


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
    ("outcome", "trailing"),
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
def test_what_tls_has_not_decrypted_yet_is_found_too(outcome: bytes | ssl.SSLError, trailing: bool) -> None:
    assert has_trailing_data(connection_with(b"", Tls(outcome))) is trailing


def test_tls_on_a_socket_reads_no_further_than_it_is_asked_to() -> None:
    assert has_trailing_data(connection_with(b"", object())) is False


def test_async_stream_of_httpcore_shows_the_tls_of_anyio() -> None:
    class Typed:
        def extra(self, attribute: object, default: object) -> object:
            return tls if attribute is TLSAttribute.ssl_object else default

    tls = Tls(b"")
    typed: Any = Typed()
    assert AnyIOStream(typed).get_extra_info("ssl_object") is tls


def test_connector_of_aiohttp_gives_out_idle_connections_where_ours_looks_at_them() -> None:
    get = aiohttp.TCPConnector._get
    assert inspect.iscoroutinefunction(get)
    assert list(inspect.signature(get).parameters) == list(
        inspect.signature(aiohttp_internals.Connector._get).parameters
    )
    assert "await self._get(key, traces)" in inspect.getsource(aiohttp.TCPConnector.connect)


def test_session_of_aiohttp_asks_whether_to_send_again() -> None:
    async def check() -> None:
        async with aiohttp.ClientSession() as session:
            assert session._retry_connection is True
            aiohttp_internals.switch_off_retries(session)
            assert session._retry_connection is False

    asyncio.run(check())
    assert "self._retry_connection" in inspect.getsource(aiohttp.ClientSession._request)


# The names of what is our own, and private all the same.


def modules() -> list[Path]:
    ours = sorted(Path(runtime.__file__).parent.glob("*.py"))
    generated = sorted((ROOT / "generated" / "genauth_email").rglob("*.py"))
    return ours + generated


EXEMPT = {Path(module.__file__).name for module in (internals, aiohttp_internals) if module.__file__}


@lru_cache
def names_that_we_define() -> set[str]:
    names: set[str] = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
                names.add(node.attr)
    return names


def private_uses(source: str, ours: set[str]) -> Iterator[str]:
    """The private names of others that a module uses, each with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            if not is_self(node.value) and node.attr not in ours:
                yield f"{node.lineno}: {node.attr}"
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [*node.module.split("."), *(alias.name for alias in node.names)]
            if names[0] in FOREIGN and any(is_private(name) for name in names):
                yield f"{node.lineno}: {node.module}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "setattr"):
            name = node.args[1]
            if isinstance(name, ast.Constant) and is_private(str(name.value)):
                yield f"{node.lineno}: {name.value!r}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_other_module_uses_what_is_private_to_others(path: Path) -> None:
    uses = list(private_uses(path.read_text(), names_that_we_define()))
    if path.name in EXEMPT:
        assert uses
    else:
        assert uses == []


@pytest.mark.parametrize(
    "source",
    [
        "client._transport_for_url",
        "connection._h11_state.trailing_data",
        "super()._get(key)",
        "from httpx._client import Client",
        "from httpcore import _sync",
        'getattr(session, "_retry_connection")',
        'setattr(session, "_retry_connection", False)',
    ],
)
def test_use_of_what_is_private_is_found(source: str) -> None:
    assert len(list(private_uses(source, {"_options"}))) == 1
    assert list(private_uses("self._get(client._options, cls._pool, a.__dict__)", {"_options"})) == []


def test_our_own_attributes_are_none_of_a_base_class_of_others() -> None:
    clashes = []
    for name in sorted(path.stem for path in Path(runtime.__file__).parent.glob("*.py") if path.name not in EXEMPT):
        module = __import__(f"runtime.{name}", fromlist=["*"])
        for kind, base in foreign_bases(module):
            clashes += [
                f"{kind.__qualname__}.{attribute} is one of {base.__qualname__}"
                for attribute in class_attributes(kind) & class_attributes(base)
            ]
    assert clashes == []


def foreign_bases(module: ModuleType) -> Iterator[tuple[type[Any], type[Any]]]:
    for kind in vars(module).values():
        if isinstance(kind, type) and kind.__module__ == module.__name__:
            for base in kind.__mro__:
                if base.__module__.partition(".")[0] in FOREIGN:
                    yield kind, base


def test_classes_with_a_base_of_others_are_looked_at() -> None:
    import runtime.network

    assert (runtime.network.SyncStream, httpcore.NetworkStream) in list(foreign_bases(runtime.network))
