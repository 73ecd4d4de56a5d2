"""Certificates are verified, unless the user's own `http_client` does not."""

import inspect
import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import genauth_email
import pytest
import trustme
from genauth_email import APIConnectionError, AsyncAuthenticationClient, AuthenticationClient

from tests.clients import KINDS, LOOPS, ClientFactory, options_of
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step

T = TypeVar("T")
TRUSTED = trustme.CA()
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)


def self_signed(context: ssl.SSLContext, directory: Path) -> None:
    authority, file = trustme.CA(), directory / "self-signed.pem"
    file.write_bytes(authority.private_key_pem.bytes() + authority.cert_pem.bytes())
    context.load_cert_chain(file)


def of_another_authority(context: ssl.SSLContext, directory: Path) -> None:
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)


def of_another_host(context: ssl.SSLContext, directory: Path) -> None:
    TRUSTED.issue_cert("example.genauth.ai", "127.0.0.2").configure_cert(context)


def expired(context: ssl.SSLContext, directory: Path) -> None:
    not_before, not_after = LONG_AGO
    certificate = TRUSTED.issue_cert("127.0.0.1", not_before=not_before, not_after=not_after)
    certificate.configure_cert(context)


def right(context: ssl.SSLContext, directory: Path) -> None:
    TRUSTED.issue_cert("127.0.0.1").configure_cert(context)


Certify = Callable[[ssl.SSLContext, Path], None]
Serve = Callable[[Certify], RawServer]

# Each wrong certificate, and what OpenSSL says of it.
WRONG: dict[Certify, str] = {
    self_signed: "self.signed certificate",
    of_another_authority: "unable to get local issuer certificate",
    of_another_host: "IP address mismatch",
    expired: "certificate has expired",
}


@pytest.fixture
def serve(tmp_path: Path) -> Generator[Serve]:
    with ExitStack() as stack:

        def serve(certify: Certify) -> RawServer:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certify(context, tmp_path)
            # It hangs up after its response, because it could not while it waits for what comes next over TLS.
            return stack.enter_context(RawServer(Step(SUCCESS, then="close"), tls=context))

        yield serve


# Sends an email to each host, and prints what came of each.
PROGRAM = """\
import json
import sys

import anyio
from genauth_email import AsyncAuthenticationClient, AuthenticationClient, GenAuthError

loop, options, *hosts = sys.argv[1:]
options = json.loads(options)


results = []


def fail(error):
    results.append((type(error).__name__, error.delivery, str(error)))


def sync():
    with AuthenticationClient("app123") as client:
        for host in hosts:
            derived = client.with_options(app_host=host)
            try:
                results.append(derived.send_email("A_CHANNEL", "test@example.com").message)
            except GenAuthError as error:
                fail(error)


async def asynchronous():
    async with AsyncAuthenticationClient("app123", **options) as client:
        for host in hosts:
            derived = client.with_options(app_host=host)
            try:
                results.append((await derived.send_email("A_CHANNEL", "test@example.com")).message)
            except GenAuthError as error:
                fail(error)


sync() if loop == "none" else anyio.run(asynchronous, backend=loop)
print(json.dumps(results))
""".replace("A_CHANNEL", CHANNEL)

# What other programs take for a wish not to verify, and what ours could be thought to.
NO_VERIFICATION = {
    "CURL_CA_BUNDLE": "",
    "GENAUTH_USE_UNVERIFIED_SSL": "1",
    "GENAUTH_VERIFY": "0",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    "PYTHONHTTPSVERIFY": "0",
    "REQUESTS_CA_BUNDLE": "",
}


# In a process of its own: which authorities are trusted is read once in a process.
@pytest.mark.parametrize("kind", KINDS)
def test_a_client_verifies_by_the_authorities_that_the_environment_names(
    serve: Serve, tmp_path: Path, kind: str
) -> None:
    TRUSTED.cert_pem.write_to_path(tmp_path / "ca.pem")
    servers: dict[Certify, RawServer] = {certify: serve(certify) for certify in (*WRONG, right)}
    urls = [server.url for server in servers.values()]
    arguments = [LOOPS.get(kind, "none"), json.dumps(options_of(kind)), *urls]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
        env={**os.environ, **NO_VERIFICATION, "SSL_CERT_FILE": str(tmp_path / "ca.pem")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""

    results = dict(zip(servers, json.loads(done.stdout), strict=True))
    assert results.pop(right) == "Sent."
    for certify, (error, delivery, text) in results.items():
        assert (error, delivery) == ("APIConnectionError", "not_sent")
        assert re.search(WRONG[certify], text)
    assert {certify: len(server.finish()) for certify, server in servers.items()} == (
        dict.fromkeys(WRONG, 0) | {right: 1}
    )


@pytest.mark.parametrize("certify", WRONG)
def test_a_context_of_the_users_own_is_used(make_client: ClientFactory, serve: Serve, certify: Certify) -> None:
    context = ssl.create_default_context()
    TRUSTED.configure_trust(context)
    client = make_client(http_client=make_client.http_client(verify=context))

    trusted, untrusted = serve(right), serve(certify)
    client.with_options(app_host=trusted.url).send_email(CHANNEL, "test@example.com")
    with pytest.raises(APIConnectionError, match=WRONG[certify]) as caught:
        client.with_options(app_host=untrusted.url).send_email(CHANNEL, "test@example.com")
    assert caught.value.delivery == "not_sent"
    assert untrusted.finish() == []


@pytest.mark.parametrize("certify", WRONG)
def test_a_client_of_the_users_own_can_do_without(make_client: ClientFactory, serve: Serve, certify: Certify) -> None:
    own = make_client.http_client(verify=False)

    response = make_client(serve(certify).url, http_client=own).send_email(CHANNEL, "test@example.com")

    assert response.message == "Sent."


# No client is made here, so nothing is run once per kind.
@pytest.mark.parametrize("client", [AuthenticationClient, AsyncAuthenticationClient])
def test_no_option_turns_it_off(client: type) -> None:
    per_call = {"access_token", "lang", "real_ip", "timeout"}
    options = per_call | {"app_id", "app_host", "max_retries", "retry_unknown", "on_attempt"}
    for method, allowed in (
        ("__init__", options | {"http_client", "limits", "ssl_context"}),
        ("with_options", options),
        ("send_email", per_call | {"channel", "email"}),
    ):
        assert inspect.signature(getattr(client, method)).parameters.keys() - {"self"} == allowed


def test_no_variable_of_ours_turns_it_off() -> None:
    sources = [path.read_text() for path in Path(genauth_email.__file__).parent.rglob("*.py")]
    variables = {name for source in sources for name in re.findall(r"GENAUTH_\w+", source)}
    assert variables == {"GENAUTH_ACCESS_TOKEN", "GENAUTH_APP_HOST", "GENAUTH_APP_ID", "GENAUTH_LANG"}


def test_what_came_unasked_over_tls_is_not_taken_for_the_next_answer(
    make_client: ClientFactory, tls: ssl.SSLContext
) -> None:
    def serve(extra: bytes) -> None:
        """Send the response and the extra in two records of TLS, which arrive together."""
        connection, _ = listener.accept()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        stream = tls.wrap_bio(incoming, outgoing, server_side=True)

        def until_done(step: Callable[[], T]) -> T:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    incoming.write(connection.recv(65536))

        with connection:
            until_done(stream.do_handshake)
            request = b""
            while not request.endswith(b"}"):
                request += until_done(partial(stream.read, 65536))
            stream.write(SUCCESS)
            stream.write(extra)
            connection.sendall(outgoing.read())
            with suppress(ConnectionResetError):  # The client does not read all of it.
                connection.recv(65536)  # That it hangs up.

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as threads:
        listener.settimeout(10)
        served = [threads.submit(serve, SUCCESS.replace(b"Sent.", b"Lies.")) for _ in range(2)]
        twin = make_client(f"https://127.0.0.1:{listener.getsockname()[1]}")
        for _ in served:
            assert twin.send_email(CHANNEL, "test@example.com").message == "Sent."
        twin.close()
        for each in served:
            each.result()
