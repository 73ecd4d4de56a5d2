"""Calls load no modules: if the process forked during an import, the child would wait for its lock forever."""

import json
import re
import subprocess
import sys

import pytest

from tests.clients import KINDS, options_of
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step, http

# It runs in a separate process, because a test run has loaded all modules. Without `async` and `await`, it is sync.
PROGRAM = """
import json, sys
import {loop}
from genauth_email import {name}, GenAuthError

async def send(client, **options):
    try:
        await client.send_email({channel!r}, "test@example.com", **options)
    except GenAuthError as error:
        str(error), repr(error), vars(error), error.args
        getattr(error, "headers", None), getattr(error, "retry_after", None)

async def main():
    options = dict(access_token="s3cret", lang="en-US", real_ip="203.0.113.9", **{options!r})
    client = {name}("app123", {url!r}, **options)
    await {loop}.sleep(0)
    made = set(sys.modules)
    await send(client, timeout=2)
    first = set(sys.modules)
    for _ in range({calls} - 1):
        await send(client, timeout=2)
    async with client.with_options(app_host={closed!r}, max_retries=1) as derived:
        await send(derived)
    await client.{close}()
    print(json.dumps([sorted(first - made), sorted(set(sys.modules) - first)]))

{run}
"""
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


LOOPS = {
    "sync": ("time", "main()"),
    "asyncio": ("asyncio", "asyncio.run(main())"),
    "trio": ("trio", "trio.run(main)"),
    "aiohttp": ("asyncio", "asyncio.run(main())"),
}


# Each kind has its own program, so `make_client` is not used.
@pytest.mark.parametrize("kind", KINDS)
def test_no_call_loads_a_module(kind: str) -> None:
    name, close = ("AuthenticationClient", "close") if kind == "sync" else ("AsyncAuthenticationClient", "aclose")
    loop, run = LOOPS[kind]
    with RawServer(*SCRIPT) as server, RawServer(listening=False) as closed:
        values = {"url": server.url, "closed": closed.url, "calls": CALLS, "channel": CHANNEL}
        program = PROGRAM.format(name=name, close=close, loop=loop, run=run, options=options_of(kind), **values)
        if kind == "sync":
            program = re.sub("async |await ", "", program)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(server.finish()) == len(SCRIPT)

    in_first_call, in_others = json.loads(done.stdout)
    assert in_others == []
    # anyio loads its backend only inside the loop.
    allowed = {"anyio", "typing_extensions"} if kind in ("asyncio", "trio") else set[str]()
    assert {name.partition(".")[0] for name in in_first_call} <= allowed
