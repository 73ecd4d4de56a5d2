"""Certificates are verified, unless a user's own `http_client` does not verify them."""

import inspect
import re
import socket
import ssl
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs
import genauth_email
import pytest
import trustme
from genauth_email import APIConnectionError, AsyncAuthenticationClient, AuthenticationClient, SendEmailDto

from tests.clients import ClientFactory, on_httpx
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step

from .faults import Certificate
from .play import certified

T = TypeVar("T")
TRUSTED = trustme.CA()


# OpenSSL's words for each wrong certificate.
WRONG: dict[Certificate, str] = {
    "self-signed": "self.signed certificate",
    "untrusted": "unable to get local issuer certificate",
    "of another host": "IP address mismatch",
    "expired": "certificate has expired",
}


@pytest.fixture
def serve() -> Generator[Callable[[Certificate], RawServer]]:
    with ExitStack() as stack:
        # It hangs up after its response, because it could not while it waits for the next request over TLS.
        step = Step(SUCCESS, then="close")
        yield lambda certificate: stack.enter_context(RawServer(step, tls=certified(certificate, TRUSTED)))


# The table of faults covers the clients' own connections.
@on_httpx
def test_a_context_of_an_http_client_is_used(
    make_client: ClientFactory, serve: Callable[[Certificate], RawServer]
) -> None:
    context = ssl.create_default_context()
    TRUSTED.configure_trust(context)
    client = make_client(http_client=make_client.http_client(verify=context))

    client.with_options(app_host=serve("right").url).send_email(CHANNEL, "test@example.com")
    for certificate, text in WRONG.items():
        server = serve(certificate)
        with pytest.raises(APIConnectionError, match=text) as caught:
            client.with_options(app_host=server.url).send_email(CHANNEL, "test@example.com")
        assert caught.value.delivery == "not_sent"
        assert server.finish() == []


@on_httpx
@pytest.mark.parametrize("certificate", WRONG)
def test_an_http_client_need_not_verify(
    make_client: ClientFactory, serve: Callable[[Certificate], RawServer], certificate: Certificate
) -> None:
    client = make_client(serve(certificate).url, http_client=make_client.http_client(verify=False))
    assert client.send_email(CHANNEL, "test@example.com").message == "Sent."


# This makes no client, so it does not run once per kind.
@pytest.mark.parametrize("client", [AuthenticationClient, AsyncAuthenticationClient])
def test_no_option_turns_it_off(client: type) -> None:
    per_call = {"access_token", "lang", "real_ip", "timeout"}
    options = per_call | {"app_id", "app_host", "max_retries", "retry_unknown", "on_attempt"}
    for method, allowed in (
        ("__init__", options | {"http_client", "limits", "ssl_context"}),
        ("with_options", options),
        ("send_email", per_call | {field.name for field in attrs.fields(SendEmailDto)}),
    ):
        assert inspect.signature(getattr(client, method)).parameters.keys() - {"self"} == allowed


def test_no_variable_of_ours_turns_it_off() -> None:
    sources = [path.read_text() for path in Path(genauth_email.__file__).parent.rglob("*.py")]
    variables = {name for source in sources for name in re.findall(r"GENAUTH_\w+", source)}
    assert variables == {"GENAUTH_ACCESS_TOKEN", "GENAUTH_APP_HOST", "GENAUTH_APP_ID", "GENAUTH_LANG"}


def test_unexpected_data_over_tls_is_not_taken_for_the_next_response(
    make_client: ClientFactory, tls: ssl.SSLContext
) -> None:
    def serve(extra: bytes) -> None:
        """Send the response and the extra data in two TLS records that arrive together."""
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
            with suppress(ConnectionResetError):  # The client leaves data unread.
                connection.recv(65536)  # Wait until it hangs up.

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as threads:
        listener.settimeout(10)
        served = [threads.submit(serve, SUCCESS.replace(b"Sent.", b"Lies.")) for _ in range(2)]
        twin = make_client(f"https://127.0.0.1:{listener.getsockname()[1]}")
        for _ in served:
            assert twin.send_email(CHANNEL, "test@example.com").message == "Sent."
        twin.close()
        for each in served:
            each.result()
