"""What is measured of whole processes: `python -c` with a program as a user writes it."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from textwrap import indent
from time import perf_counter
from typing import Final

from .generators import GENERATED, generate_stock, generate_with_java
from .peers import (
    AIOHTTP,
    APP_ID,
    ASYNCIO,
    DOCUMENT,
    EMAIL,
    HEADERS,
    HTTPX,
    OURS,
    OURS_ON_AIOHTTP,
    PATH,
    STOCK,
    URLLIB3,
    VENDOR,
)


@dataclass(frozen=True)
class Program:
    """A client as a program uses it, in Python. In all but the imports, `url` is where the server is.

    Attributes:
        imports: What it imports.
        client: Makes a client.
        call: Makes a call of `client`, and reads the `statusCode`.
        is_async: Whether `client` is an async context manager, and `call` is awaited.
        prepare: Generates what is imported.
        derive: Makes a client from `client` for the end user with this `number`, where that can be done.
    """

    imports: str
    client: str
    call: str
    is_async: bool = False
    prepare: Callable[[], object] = str
    derive: str | None = None


# httpx and httpcore load these where they are installed, as they are for development. No client here needs them.
HIDDEN: Final = """import sys
class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in ("trio", "click", "rich", "pygments"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden)"""

_OURS_CALL: Final = f"client.send_email('CHANNEL_LOGIN', {EMAIL!r})"
_GENERATED_CALL: Final = f"client.send_email(api.SendEmailDto(**{DOCUMENT}))"
_GENERATED_CLIENT: Final = (
    f"api.ApiClient(api.Configuration(host=url, api_key={{'appId': {APP_ID!r}}}, "
    "ssl_ca_cert=os.environ['SSL_CERT_FILE']))"
)

PROGRAMS: Final = {
    OURS: Program(
        "from genauth_email import AuthenticationClient",
        f"AuthenticationClient({APP_ID!r}, url)",
        f"{_OURS_CALL}.status_code",
        derive="client.with_options(access_token=f'token-{number}', real_ip='203.0.113.9')",
    ),
    HTTPX: Program(
        "import httpx",
        f"httpx.Client(headers={HEADERS})",
        f"client.post(url + {PATH!r}, json={DOCUMENT}).json()['statusCode']",
    ),
    STOCK: Program(
        "from genauth_stock import Client\nfrom genauth_stock.api.email import send_email\n"
        "from genauth_stock.models import Channel, SendEmailDto",
        f"Client(base_url=url, headers={HEADERS})",
        f"send_email.sync(client=client, body=SendEmailDto(Channel.CHANNEL_LOGIN, {EMAIL!r})).status_code",
        prepare=generate_stock,
        derive="client.with_headers({'authorization': f'token-{number}', 'x-genauth-real-ip': '203.0.113.9'})",
    ),
    URLLIB3: Program(
        "import os\nimport genauth_urllib3 as api",
        f"api.EmailApi({_GENERATED_CLIENT})",
        f"{_GENERATED_CALL}.status_code.actual_instance",
        prepare=partial(generate_with_java, "urllib3"),
    ),
    VENDOR: Program(
        "from genauth import AuthenticationClient",
        f"AuthenticationClient(app_id={APP_ID!r}, app_host=url)",
        f"{_OURS_CALL}['statusCode']",
    ),
    f"{OURS}, async": Program(
        "from genauth_email import AsyncAuthenticationClient",
        f"AsyncAuthenticationClient({APP_ID!r}, url)",
        f"(await {_OURS_CALL}).status_code",
        is_async=True,
    ),
    OURS_ON_AIOHTTP: Program(
        "from genauth_email import AsyncAuthenticationClient",
        f"AsyncAuthenticationClient({APP_ID!r}, url, http_client='aiohttp')",
        f"(await {_OURS_CALL}).status_code",
        is_async=True,
    ),
    AIOHTTP: Program(
        "import aiohttp",
        f"aiohttp.ClientSession(headers={HEADERS})",
        f"(await (await client.post(url + {PATH!r}, json={DOCUMENT})).json())['statusCode']",
        is_async=True,
    ),
    ASYNCIO: Program(
        "import os\nimport genauth_asyncio as api",
        _GENERATED_CLIENT,
        f"(await {_GENERATED_CALL.replace('client', 'api.EmailApi(client)')}).status_code.actual_instance",
        is_async=True,
        prepare=partial(generate_with_java, "asyncio"),
    ),
}


@dataclass
class FirstCall:
    """Measures a process that makes one call: the seconds from its start to its end.

    Attributes:
        parts: Seconds of what it does: importing, making the client, calling.
        processor: Seconds of the processor, in the program and in the kernel.
    """

    program: Program
    url: str
    directory: str
    parts: list[tuple[float, float, float]] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.program.prepare()

    def __call__(self) -> float:
        code = code_of_call(self.program, self.url)
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        output = run_code(code, self.directory)
        elapsed, after = perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        begun, imported, made, called = json.loads(output)
        self.parts.append((imported - begun, made - imported, called - made))
        self.processor.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        return elapsed


def code_of_call(program: Program, url: str) -> str:
    """A program that makes one call, and prints at which times it did what."""
    call = f"status_code = {program.call}\ntimes.append(perf_counter())"
    if program.is_async:
        # There is no client before a loop runs, so the loop's start counts as the import of asyncio does.
        body = f"times.append(perf_counter())\nasync with {program.client} as client:\n"
        body += indent(f"times.append(perf_counter())\n{call}", "    ")
        main = f"async def main():\n    global status_code\n{indent(body, '    ')}\nasyncio.run(main())"
        imports = f"import asyncio\n{program.imports}"
    else:
        imports = f"{program.imports}\ntimes.append(perf_counter())"
        main = f"client = {program.client}\ntimes.append(perf_counter())\n{call}"
    begin = f"{HIDDEN}\nfrom time import perf_counter\ntimes = [perf_counter()]\nurl = {url!r}"
    return f"{begin}\n{imports}\n{main}\nassert status_code == 200, status_code\nprint(times)"


@dataclass(frozen=True)
class Cost:
    """Of each of many clients: the seconds to make it, and the bytes that the process has grown by."""

    seconds: float
    size: float


def cost_of_clients(program: Program, number: int, derived: int, url: str, directory: str) -> Mapping[str, Cost]:
    """Make many clients that are kept: first derived ones, then ones with a call and so a connection of their own.

    Returns:
        What "made" ones cost and, where they can be derived, "derived" ones.
    """
    program.prepare()
    kinds = {"derived": (derived, program.derive), "made": (number, f"call({program.client})")}
    measured = "".join(
        f"costs[{kind!r}] = cost({how_many}, lambda number: {expression})\n"
        for kind, (how_many, expression) in kinds.items()
        if expression
    )
    code = f"""{HIDDEN}
{program.imports}
import gc, json
from time import perf_counter
url, kept, costs = {url!r}, [], {{}}
def memory():
    gc.collect()
    with open("/proc/self/statm") as numbers:
        return {resource.getpagesize()} * int(numbers.read().split()[1])
def call(client):
    assert {program.call} == 200
    return client
def cost(how_many, make):
    make(0)
    before, started = memory(), perf_counter()
    kept.append([make(number) for number in range(how_many)])
    elapsed = perf_counter() - started
    return elapsed / how_many, (memory() - before) / how_many
client = call({program.client})
{measured}print(json.dumps(costs))
"""
    return {kind: Cost(*cost) for kind, cost in json.loads(run_code(code, directory)).items()}


def run_code(code: str, directory: str) -> str:
    path = os.pathsep.join(str(home) for home in GENERATED.glob("*"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
    return done.stdout
