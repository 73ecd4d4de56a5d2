"""The clients that are compared, each written the way a program uses it.

They are text because the same lines run in this process, to measure calls, and in new processes, to measure first
calls. Every call returns the `statusCode`, so every client has read the response. Clients keep their own defaults,
except for the timeout: on a slow machine, a call should be slow and not fail.
"""

import compileall
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from textwrap import indent
from typing import Any, Final

Call = Callable[[], object]
AsyncCall = Callable[[], Coroutine[None, None, object]]

ROOT: Final = Path(__file__).resolve().parent.parent
GENERATED: Final = Path(sys.prefix, "peers")

OURS: Final = "genauth-email"
OURS_ASYNC: Final = "genauth-email, async"
OURS_ON_AIOHTTP: Final = "genauth-email[aiohttp]"
STOCK: Final = "stock openapi-python-client"
URLLIB3: Final = "OpenAPI Generator, urllib3"
ASYNCIO: Final = "OpenAPI Generator, asyncio"
VENDOR: Final = "vendor's SDK"
HTTPX: Final = "httpx by hand"
HTTPX_ON_AIOHTTP: Final = "httpx by hand, on aiohttp"
AIOHTTP: Final = "aiohttp by hand"
BARE_HTTPX: Final = "bare httpx.HTTPTransport"
BARE_ASYNC_HTTPX: Final = "bare httpx.AsyncHTTPTransport"
HTTP_CLIENT: Final = "http.client by hand"
RAW_SOCKET: Final = "raw socket"
RAW_ASYNCIO: Final = "raw asyncio"

# These do less than a client must.
BOUNDS: Final = (BARE_HTTPX, BARE_ASYNC_HTTPX, HTTP_CLIENT, RAW_SOCKET, RAW_ASYNCIO)

# httpx and httpcore load these if they are installed, as in this environment. No client needs them.
HIDDEN: Final = """import sys
class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in ("trio", "click", "rich", "pygments"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden)
"""


class UnavailableError(Exception):
    """A client cannot run on this machine."""


@dataclass(frozen=True)
class Client:
    """A client as a program uses it, in Python.

    Attributes:
        imports: Imports what the program needs.
        make: An expression that makes the client for the server at `url`.
        call: An expression that makes a call of `client` and returns the `statusCode`.
        is_async: Whether `client` is an async context manager, and `call` awaits.
        limited: Like `make`, for a client that opens and keeps at most `limit` connections.
        derive: An expression that derives a client from `client` for the end user with that `number`.
        prepare: Generates the package that is imported.
    """

    imports: str
    make: str
    call: str
    is_async: bool = False
    limited: str = ""
    derive: str = ""
    prepare: Callable[[], None] = lambda: None

    @contextmanager
    def open(self, url: str) -> Generator[Call]:
        names = self._namespace(url)
        client = names["client"]
        with client if hasattr(client, "__exit__") else nullcontext():
            yield names["call"]

    @asynccontextmanager
    async def open_async(self, url: str, limit: int | None = None) -> AsyncGenerator[AsyncCall]:
        names = self._namespace(url, limit)
        async with names["client"]:
            yield names["call"]

    def _namespace(self, url: str, limit: int | None = None) -> dict[str, Any]:
        self.prepare()
        names: dict[str, Any] = {"url": url, "limit": limit}
        exec(f"{self.imports}\n{'async ' if self.is_async else ''}def call():\n    return {self.call}", names)
        names["client"] = eval(self.limited if limit else self.make, names)
        return names

    def program(self, body: str, url: str, limit: int | None = None) -> str:
        """Return a program that makes a client and runs `body` with it."""
        make = self.limited if limit else self.make
        if self.is_async:
            main = f"async with {make} as client:\n{indent(body, '    ')}"
            body = f"import asyncio\nasync def main():\n{indent(main, '    ')}\nasyncio.run(main())"
        else:
            body = f"client = {make}\n{body}"
        return f"{HIDDEN}{self.imports}\nurl, limit = {url!r}, {limit}\n{body}\n"

    def first_call(self, url: str) -> str:
        """Return a program that makes one call."""
        return self.program(f"assert {self.call} == 200", url)


def generate(package: str, generator: str, arguments: str) -> None:
    """Generate a client from our contract, unless it exists already, and make it importable.

    Args:
        package: Its name.
        generator: The program, which is also the name of its distribution.
        arguments: The program's arguments. `{}` stands for the output directory.
    """
    home, programs = GENERATED / package, Path(sys.executable).parent
    made_from = "\n".join([(ROOT / "openapi.yaml").read_text(), version(generator), arguments])
    record = home / "made-from.txt"
    if not record.exists() or record.read_text() != made_from:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        done = subprocess.run(
            [programs / generator, *arguments.format(home).split()],
            cwd=ROOT,
            # The generator looks for its formatters on the PATH.
            env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        if not (home / package).is_dir():
            raise UnavailableError(f"{generator} failed: {done.stderr or done.stdout}")
        compileall.compile_dir(home, quiet=2)
        record.write_text(made_from)
    if str(home) not in sys.path:
        sys.path.append(str(home))


def generate_stock() -> None:
    """Run openapi-python-client without our templates."""
    arguments = "generate --meta none --path openapi.yaml --output-path {}/genauth_stock"
    generate("genauth_stock", "openapi-python-client", arguments)


def generate_with_java(library: str) -> None:
    """Run OpenAPI Generator."""
    if not shutil.which("java"):
        raise UnavailableError("Java is not installed")
    properties = f"--additional-properties=packageName=genauth_{library},library={library}"
    arguments = f"generate -g python -i openapi.yaml -o {{}} {properties}"
    generate(f"genauth_{library}", "openapi-generator-cli", arguments)


SEND: Final = "client.send_email('CHANNEL_LOGIN', 'test@example.com')"
HEADERS: Final = "headers={'x-genauth-app-id': 'app123'}"
POST: Final = "client.post(url + '/api/v3/send-email', json={'channel': 'CHANNEL_LOGIN', 'email': 'test@example.com'})"
STOCK_IMPORTS: Final = """from genauth_stock import Client
from genauth_stock.api.email import send_email
from genauth_stock.models import Channel, SendEmailDto"""
STOCK_BODY: Final = "client=client, body=SendEmailDto(Channel('CHANNEL_LOGIN'), 'test@example.com')"
STOCK_CLIENT: Final = f"Client(base_url=url, {HEADERS})"
JAVA_SETTINGS: Final = "host=url, api_key={'appId': 'app123'}, ssl_ca_cert=os.environ['SSL_CERT_FILE']"
JAVA_BODY: Final = "api.SendEmailDto(channel='CHANNEL_LOGIN', email='test@example.com')"
JAVA_ASYNCIO_CLIENT: Final = f"api.ApiClient(api.Configuration({JAVA_SETTINGS}))"

SYNC: Final[Mapping[str, Client]] = {
    OURS: Client(
        "from genauth_email import AuthenticationClient",
        "AuthenticationClient('app123', url, timeout=60)",
        f"{SEND}.status_code",
        derive="client.with_options(access_token=f'token-{number}', real_ip='203.0.113.9')",
    ),
    HTTPX: Client("import httpx", f"httpx.Client({HEADERS}, timeout=60)", f"{POST}.json()['statusCode']"),
    STOCK: Client(
        STOCK_IMPORTS,
        STOCK_CLIENT,
        f"send_email.sync({STOCK_BODY}).status_code",
        derive="client.with_headers({'authorization': f'token-{number}', 'x-genauth-real-ip': '203.0.113.9'})",
        prepare=generate_stock,
    ),
    URLLIB3: Client(
        "import os\nimport genauth_urllib3 as api",
        f"api.EmailApi(api.ApiClient(api.Configuration({JAVA_SETTINGS})))",
        f"client.send_email({JAVA_BODY}).status_code.actual_instance",
        prepare=partial(generate_with_java, "urllib3"),
    ),
    VENDOR: Client(
        "from genauth import AuthenticationClient",
        "AuthenticationClient(app_id='app123', app_host=url)",
        f"{SEND}['statusCode']",
    ),
    BARE_HTTPX: Client("from benchmarks.bounds import BareTransport", "BareTransport(url)", "client.send_email()"),
    HTTP_CLIENT: Client("from benchmarks.bounds import HttpClient", "HttpClient(url)", "client.send_email()"),
    RAW_SOCKET: Client("from benchmarks.bounds import RawSocket", "RawSocket(url)", "client.send_email()"),
}
OURS_WITH_HTTPX: Final = Client(
    "import httpx\nfrom genauth_email import AsyncAuthenticationClient",
    "AsyncAuthenticationClient('app123', url, timeout=60)",
    f"(await {SEND}).status_code",
    is_async=True,
    limited="AsyncAuthenticationClient('app123', url, timeout=60, limits=httpx.Limits(max_connections=limit))",
)
ASYNC: Final[Mapping[str, Client]] = {
    OURS: OURS_WITH_HTTPX,
    OURS_ON_AIOHTTP: replace(
        OURS_WITH_HTTPX,
        make=OURS_WITH_HTTPX.make.replace("url,", "url, http_client='aiohttp',"),
        limited=OURS_WITH_HTTPX.limited.replace("url,", "url, http_client='aiohttp',"),
    ),
    HTTPX: Client(
        "import httpx",
        f"httpx.AsyncClient({HEADERS}, timeout=60)",
        f"(await {POST}).json()['statusCode']",
        is_async=True,
    ),
    STOCK: Client(
        STOCK_IMPORTS,
        STOCK_CLIENT,
        f"(await send_email.asyncio({STOCK_BODY})).status_code",
        is_async=True,
        prepare=generate_stock,
    ),
    ASYNCIO: Client(
        "import os\nimport genauth_asyncio as api",
        JAVA_ASYNCIO_CLIENT,
        f"(await api.EmailApi(client).send_email({JAVA_BODY})).status_code.actual_instance",
        is_async=True,
        limited=JAVA_ASYNCIO_CLIENT.replace("url,", "url, connection_pool_maxsize=limit,"),
        prepare=partial(generate_with_java, "asyncio"),
    ),
    HTTPX_ON_AIOHTTP: Client(
        "from httpx_aiohttp import HttpxAiohttpClient",
        f"HttpxAiohttpClient({HEADERS}, timeout=60)",
        f"(await {POST}).json()['statusCode']",
        is_async=True,
    ),
    AIOHTTP: Client(
        "import aiohttp",
        f"aiohttp.ClientSession({HEADERS})",
        f"(await (await {POST}).json())['statusCode']",
        is_async=True,
        limited=f"aiohttp.ClientSession({HEADERS}, connector=aiohttp.TCPConnector(limit=limit))",
    ),
    BARE_ASYNC_HTTPX: Client(
        "from benchmarks.bounds_asyncio import BareAsyncTransport",
        "BareAsyncTransport(url)",
        "await client.send_email()",
        is_async=True,
    ),
    RAW_ASYNCIO: Client(
        "from benchmarks.bounds_asyncio import RawAsyncio",
        "RawAsyncio(url)",
        "await client.send_email()",
        is_async=True,
        limited="RawAsyncio(url)",
    ),
}
# When few calls are made, sync and async clients share a table.
FEW_CALLS: Final[Mapping[str, Client]] = {
    **{name: SYNC[name] for name in (OURS, HTTPX, STOCK, URLLIB3, VENDOR, HTTP_CLIENT)},
    OURS_ASYNC: ASYNC[OURS],
    **{name: ASYNC[name] for name in (OURS_ON_AIOHTTP, ASYNCIO, AIOHTTP)},
}
# With hundreds of calls, httpx and the stock client, which uses it, take longer than all others together.
MANY_CALLS: Final = {name: client for name, client in ASYNC.items() if client.limited}


def check(status_code: object) -> None:
    if status_code != 200:
        raise RuntimeError(f"the response was read as {status_code}, not as 200")
