"""Play a fault to a client, and return its outcome."""

import os
import socket
import ssl
from contextlib import ExitStack
from datetime import UTC, datetime
from time import monotonic
from unittest.mock import patch

import trustme
from genauth_email import GenAuthError, SendEmailRespDto

from tests.clients import BlockingClient, ClientFactory, no_pauses
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step

from .faults import EMAIL, PLAIN, Certificate, Fault, Outcome

TOKEN = "s3cret-token"
BEFORE, AFTER = "before@example.com", "after@example.com"

NO_VERIFICATION = {
    "CURL_CA_BUNDLE": "",
    "GENAUTH_USE_UNVERIFIED_SSL": "1",
    "GENAUTH_VERIFY": "0",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    "PYTHONHTTPSVERIFY": "0",
    "REQUESTS_CA_BUNDLE": "",
}
"""Variables that turn off verification in other programs, or that one could expect to do so in ours."""


def play(fault: Fault, make_client: ClientFactory) -> tuple[Outcome, GenAuthError | None]:
    """Call while the fault lasts, and then once more with the same client when the server is healthy.

    Returns:
        The outcome in the columns of the table, and the raised error, if any.

    Raises:
        GenAuthError: The next call failed.
        AssertionError: The fault was not played to its end, the call went on after its timeout, the next call was not
            received once, or the client left a connection open.
    """
    script = fault.steps if fault.idle is None else (Step(SUCCESS), *fault.steps)
    with ExitStack() as stack:
        # Retries follow at once.
        stack.enter_context(no_pauses())
        tls = None
        if fault.certificate is not None:
            ours = trustme.CA()
            tls = certified(fault.certificate, ours)
            trusted = stack.enter_context(ours.cert_pem.tempfile())
            stack.enter_context(patch.dict(os.environ, NO_VERIFICATION, SSL_CERT_FILE=trusted))
        server = stack.enter_context(RawServer(*script, listening=fault.port == "accepts", tls=tls))
        address = "{}:{}".format(*server.address)
        if fault.port == "is full":
            server.listener.listen(0)
            stack.enter_context(socket.create_connection(server.address))
        if fault.proxied:
            stack.enter_context(patch.dict(os.environ, https_proxy=f"http://{address}", no_proxy=""))
        client = make_client(fault.url.format(address=address), access_token=TOKEN, timeout=fault.timeout)
        if fault.idle is not None:
            _send(client, BEFORE)
            server.disturb(fault.idle)

        before, began = server.connections, monotonic()
        result = _outcome_of(client)
        # What drips for ever ends after ten seconds.
        assert monotonic() - began < fault.timeout + 5
        server.wait_for_end_of_script()
        connections = server.connections - before

        if fault.url == PLAIN and fault.port != "is full" and tls is None:
            if fault.port == "refuses":
                server.listen()
            _send(client.with_options(timeout=10), AFTER)
            kept = before + connections + 1 - server.connections
            server.wait_for_open(1)
            received = server.received
        else:
            # This server never recovers.
            healthy = stack.enter_context(RawServer())
            _send(client.with_options(app_host=healthy.url, timeout=10), AFTER)
            kept = 0
            server.wait_for_open(0)
            received = server.received + healthy.received
        error = result if isinstance(result, GenAuthError) else None
        delivery = error.delivery if error else None
        assert _count(AFTER, received) == 1
        return Outcome(type(result), delivery, _count(EMAIL, received), connections, kept), error


def _outcome_of(client: BlockingClient) -> GenAuthError | SendEmailRespDto:
    try:
        return _send(client, EMAIL)
    except GenAuthError as error:
        return error


def _send(client: BlockingClient, email: str) -> SendEmailRespDto:
    return client.send_email(CHANNEL, email)


def _count(email: str, requests: list[bytes]) -> int:
    return sum(f'"{email}"'.encode() in request for request in requests)


def certified(certificate: Certificate, ours: trustme.CA) -> ssl.SSLContext:
    """Return a server's TLS context, for clients that trust `ours`."""
    other, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    match certificate:
        case "right":
            ours.issue_cert("127.0.0.1").configure_cert(server)
        case "self-signed":
            with other.private_key_pem.tempfile() as key, other.cert_pem.tempfile() as own:
                server.load_cert_chain(own, key)
        case "untrusted":
            other.issue_cert("127.0.0.1").configure_cert(server)
        case "expired":
            past = datetime(2001, 1, 1, tzinfo=UTC)
            ours.issue_cert("127.0.0.1", not_before=past, not_after=past).configure_cert(server)
        case "of another host":
            ours.issue_cert("elsewhere.example", "127.0.0.2").configure_cert(server)
        case "mutual":
            ours.issue_cert("127.0.0.1").configure_cert(server)
            ours.configure_trust(server)
            server.verify_mode = ssl.CERT_REQUIRED
    return server
