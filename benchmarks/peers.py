"""The clients that are compared, each as a context manager: it gives a function that makes one call.

What a call returns is the `statusCode`, so that every client has read the response. Each is as its users have
it, with its own defaults, but for the timeout: on a slow machine a call should be slow, and not fail.
"""

import json
import os
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from http.client import HTTPConnection, HTTPSConnection
from importlib import import_module
from types import ModuleType
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx
from genauth_email import AsyncAuthenticationClient, AuthenticationClient

from .generators import generate_stock, generate_with_java

Call = Callable[[], object]
AsyncCall = Callable[[], Awaitable[object]]
Peer = Callable[[str], AbstractContextManager[Call]]


class AsyncPeer(Protocol):
    """Makes a client. `limit` is how many connections it may have and keep. None: its own default."""

    def __call__(self, url: str, limit: int | None = None) -> AbstractAsyncContextManager[AsyncCall]: ...


APP_ID = "app123"
EMAIL = "test@example.com"
PATH = "/api/v3/send-email"
HEADERS = {"x-genauth-app-id": APP_ID}
DOCUMENT = {"channel": "CHANNEL_LOGIN", "email": EMAIL}
TIMEOUT = 60.0

OURS: Final = "genauth-email"
OURS_ON_AIOHTTP: Final = "genauth-email[aiohttp]"
STOCK: Final = "stock openapi-python-client"
URLLIB3: Final = "OpenAPI Generator, urllib3"
ASYNCIO: Final = "OpenAPI Generator, asyncio"
VENDOR: Final = "vendor's SDK"
HTTPX: Final = "httpx by hand"
AIOHTTP: Final = "aiohttp by hand"


@contextmanager
def ours(url: str) -> Generator[Call]:
    with AuthenticationClient(APP_ID, url, timeout=TIMEOUT) as client:
        yield lambda: client.send_email("CHANNEL_LOGIN", EMAIL).status_code


@contextmanager
def httpx_by_hand(url: str) -> Generator[Call]:
    with httpx.Client(headers=HEADERS, timeout=TIMEOUT) as client:
        yield lambda: client.post(url + PATH, json=DOCUMENT).json()["statusCode"]


@contextmanager
def stock(url: str) -> Generator[Call]:
    package = generate_stock()
    endpoint = import_module(f"{package}.api.email.send_email")
    models = import_module(f"{package}.models")
    with import_module(package).Client(base_url=url, headers=HEADERS) as client:

        def call() -> object:
            body = models.SendEmailDto(models.Channel("CHANNEL_LOGIN"), EMAIL)
            return endpoint.sync(client=client, body=body).status_code

        yield call


@contextmanager
def openapi_generator(url: str) -> Generator[Call]:
    package = generate_with_java("urllib3")
    with package.ApiClient(configuration(package, url)) as client:
        api = package.EmailApi(client)
        yield lambda: api.send_email(package.SendEmailDto(**DOCUMENT)).status_code.actual_instance


@contextmanager
def vendors_sdk(url: str) -> Generator[Call]:
    client = import_module("genauth").AuthenticationClient(app_id=APP_ID, app_host=url)
    yield lambda: client.send_email("CHANNEL_LOGIN", EMAIL)["statusCode"]


@contextmanager
def bare_transport(url: str) -> Generator[Call]:
    """httpx's transport by itself, without an `httpx.Client`, and the request's parts are prepared."""
    target = httpx.URL(url + PATH)
    content = json.dumps(DOCUMENT).encode()
    headers = httpx.Headers(
        {
            "host": target.netloc.decode(),
            "content-type": "application/json",
            "content-length": str(len(content)),
            **HEADERS,
        }
    )
    with httpx.HTTPTransport() as transport:

        def call() -> object:
            request = httpx.Request("POST", target, headers=headers, stream=httpx.ByteStream(content))
            return json.loads(transport.handle_request(request).read())["statusCode"]

        yield call


@contextmanager
def http_client_by_hand(url: str) -> Generator[Call]:
    """The standard library's, with a connection for each thread."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    own = threading.local()
    connections = list[HTTPConnection]()

    def call() -> object:
        if not hasattr(own, "connection"):
            own.connection = kind(parts.netloc, timeout=TIMEOUT)
            connections.append(own.connection)
        own.connection.request("POST", PATH, json.dumps(DOCUMENT), {"content-type": "application/json", **HEADERS})
        return json.loads(own.connection.getresponse().read())["statusCode"]

    yield call
    for connection in connections:
        connection.close()


@asynccontextmanager
async def ours_async(url: str, limit: int | None = None) -> AsyncGenerator[AsyncCall]:
    limits = httpx.Limits(max_connections=limit) if limit else None
    async with AsyncAuthenticationClient(APP_ID, url, timeout=TIMEOUT, limits=limits) as client:

        async def call() -> object:
            return (await client.send_email("CHANNEL_LOGIN", EMAIL)).status_code

        yield call


@asynccontextmanager
async def ours_on_aiohttp(url: str, limit: int | None = None) -> AsyncGenerator[AsyncCall]:
    limits = httpx.Limits(max_connections=limit) if limit else None
    async with AsyncAuthenticationClient(APP_ID, url, timeout=TIMEOUT, limits=limits, http_client="aiohttp") as client:

        async def call() -> object:
            return (await client.send_email("CHANNEL_LOGIN", EMAIL)).status_code

        yield call


@asynccontextmanager
async def httpx_by_hand_async(url: str, limit: int | None = None) -> AsyncGenerator[AsyncCall]:
    async with httpx.AsyncClient(headers=HEADERS, timeout=TIMEOUT, **limits_of(limit)) as client:
        yield posting(client, url)


@asynccontextmanager
async def httpx_on_aiohttp(url: str, limit: int | None = None) -> AsyncGenerator[AsyncCall]:
    make = import_module("httpx_aiohttp").HttpxAiohttpClient
    async with make(headers=HEADERS, timeout=TIMEOUT, **limits_of(limit)) as client:
        yield posting(client, url)


def limits_of(limit: int | None) -> dict[str, Any]:
    """An argument for a client of httpx."""
    return {"limits": httpx.Limits(max_connections=limit, max_keepalive_connections=limit)} if limit else {}


def posting(client: httpx.AsyncClient, url: str) -> AsyncCall:
    async def call() -> object:
        return (await client.post(url + PATH, json=DOCUMENT)).json()["statusCode"]

    return call


@asynccontextmanager
async def aiohttp_by_hand(url: str, limit: int | None = None) -> AsyncGenerator[AsyncCall]:
    aiohttp = import_module("aiohttp")
    connector = aiohttp.TCPConnector(limit=limit) if limit else None
    async with aiohttp.ClientSession(headers=HEADERS, connector=connector) as session:

        async def call() -> object:
            async with session.post(url + PATH, json=DOCUMENT) as response:
                return (await response.json())["statusCode"]

        yield call


@asynccontextmanager
async def stock_async(url: str, limit: int | None = None) -> AsyncGenerator[AsyncCall]:
    package = generate_stock()
    endpoint = import_module(f"{package}.api.email.send_email")
    models = import_module(f"{package}.models")
    make = import_module(package).Client
    async with make(base_url=url, headers=HEADERS, httpx_args=limits_of(limit)) as client:

        async def call() -> object:
            body = models.SendEmailDto(models.Channel("CHANNEL_LOGIN"), EMAIL)
            return (await endpoint.asyncio(client=client, body=body)).status_code

        yield call


@asynccontextmanager
async def openapi_generator_async(url: str, limit: int | None = None) -> AsyncGenerator[AsyncCall]:
    package = generate_with_java("asyncio")
    settings = configuration(package, url)
    if limit:
        settings.connection_pool_maxsize = limit
    async with package.ApiClient(settings) as client:
        api = package.EmailApi(client)

        async def call() -> object:
            return (await api.send_email(package.SendEmailDto(**DOCUMENT))).status_code.actual_instance

        yield call


SYNC: Mapping[str, Peer] = {
    OURS: ours,
    HTTPX: httpx_by_hand,
    STOCK: stock,
    URLLIB3: openapi_generator,
    VENDOR: vendors_sdk,
    "bare httpx.HTTPTransport": bare_transport,
    "http.client by hand": http_client_by_hand,
}
ASYNC: Mapping[str, AsyncPeer] = {
    OURS: ours_async,
    OURS_ON_AIOHTTP: ours_on_aiohttp,
    HTTPX: httpx_by_hand_async,
    STOCK: stock_async,
    ASYNCIO: openapi_generator_async,
    "httpx by hand, on aiohttp": httpx_on_aiohttp,
    AIOHTTP: aiohttp_by_hand,
}


def configuration(package: ModuleType, url: str) -> Any:
    return package.Configuration(host=url, api_key={"appId": APP_ID}, ssl_ca_cert=os.environ.get("SSL_CERT_FILE"))


def check(status_code: object) -> None:
    if status_code != 200:
        raise RuntimeError(f"the response was read as {status_code}, not as 200")
