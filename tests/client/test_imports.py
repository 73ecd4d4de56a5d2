"""Calls load no modules: if the process forked during an import, the child would wait for its lock forever."""

import json
import subprocess
import sys

import pytest

from tests.clients import KINDS
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step, http

# It runs in a separate process, because a test run has loaded all modules.
SYNC = """
import json, sys
from genauth_email import AuthenticationClient, GenAuthError

def send(client, **options):
    try:
        client.send_email("A_CHANNEL", "test@example.com", **options)
    except GenAuthError as error:
        str(error), repr(error), vars(error), error.args
        getattr(error, "headers", None), getattr(error, "retry_after", None)

before = set(sys.modules)
client = AuthenticationClient("app123", {url!r}, access_token="s3cret", lang="en-US", real_ip="203.0.113.9")
made = set(sys.modules)
for _ in range({calls}):
    send(client, timeout=2)
with client.with_options(app_host={closed!r}, max_retries=1) as derived:
    send(derived)
client.close()
print(json.dumps([sorted(made - before), sorted(set(sys.modules) - made)]))
""".replace("A_CHANNEL", CHANNEL)
ASYNC = """
import json, sys
import {loop}
from genauth_email import AsyncAuthenticationClient, GenAuthError

async def send(client, **options):
    try:
        await client.send_email("A_CHANNEL", "test@example.com", **options)
    except GenAuthError as error:
        str(error), repr(error), vars(error), error.args
        getattr(error, "headers", None), getattr(error, "retry_after", None)

async def main():
    client = AsyncAuthenticationClient("app123", {url!r}, access_token="s3cret", lang="en-US", **{options!r})
    made = set(sys.modules)
    await {loop}.sleep(0)
    awaited = set(sys.modules)
    await send(client, timeout=2)
    first = set(sys.modules)
    for _ in range({calls} - 1):
        await send(client, timeout=2)
    async with client.with_options(app_host={closed!r}, max_retries=1) as derived:
        await send(derived)
    await client.aclose()
    print(json.dumps([sorted(first - awaited), sorted(set(sys.modules) - first)]))

{loop}.run({main})
""".replace("A_CHANNEL", CHANNEL)
SCRIPT = [
    Step(SUCCESS),
    Step(http(200, b'{"statusCode": 429, "message": ""}', {"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"})),
    Step(http(200, b'{"statusCode": 503, "message": ""}', {"retry-after": "0"})),
    Step(SUCCESS),
    Step(http(200, b"<h1>Log in</h1>")),
    Step(http(502, b"<h1>Bad Gateway</h1>")),
    Step(http(200, b"no gzip", {"content-encoding": "gzip"})),
    Step(SUCCESS[:-5], then="close"),
    Step(then="close"),
    Step(SUCCESS),
]
CALLS = len(SCRIPT) - 1  # One is retried.


def run(program: str) -> list[list[str]]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: list[list[str]] = json.loads(done.stdout)
    return result


# Each kind has its own program, so `make_client` is not used.
@pytest.mark.parametrize("kind", KINDS)
def test_no_call_loads_a_module(kind: str) -> None:
    loop = {"sync": "", "trio": "trio"}.get(kind, "asyncio")
    program = SYNC if kind == "sync" else ASYNC
    with RawServer(*SCRIPT) as server, RawServer(listening=False) as closed:
        options = {"http_client": "aiohttp"} if kind == "aiohttp" else {}
        main = "main" if loop == "trio" else "main()"
        values = {"url": server.url, "closed": closed.url, "calls": CALLS, "loop": loop, "main": main}
        result = run(program.format(options=options, **values))
        assert len(server.finish()) == len(SCRIPT)

    of_first_call, of_others = result
    assert of_others == []
    if kind in ("asyncio", "trio"):
        # anyio loads its backend only inside the loop.
        assert {name.partition(".")[0] for name in of_first_call} <= {"anyio", "typing_extensions"}
    elif kind == "aiohttp":
        assert of_first_call == []
