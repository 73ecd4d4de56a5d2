"""Certificates are verified, unless a user's own `http_client` does not verify them."""

import inspect
import re
import ssl
from pathlib import Path

import attrs
import genauth_email
import pytest
import trustme
from genauth_email import APIConnectionError, AsyncAuthenticationClient, AuthenticationClient, SendEmailDto

from tests.clients import ClientFactory, on_httpx
from tests.contract.facts import CHANNEL
from tests.servers.raw import RawServer

from .faults import Certificate
from .play import certified


# The table of faults covers the clients' own connections.
@on_httpx
@pytest.mark.parametrize(
    ("certificate", "openssls_words"),
    [
        ("self-signed", "self.signed certificate"),
        ("untrusted", "unable to get local issuer certificate"),
        ("of another host", "IP address mismatch"),
        ("expired", "certificate has expired"),
    ],
)
def test_a_context_of_an_http_client_is_used(
    make_client: ClientFactory, certificate: Certificate, openssls_words: str
) -> None:
    ca, context = trustme.CA(), ssl.create_default_context()
    ca.configure_trust(context)
    with RawServer(tls=certified("right", ca)) as right, RawServer(tls=certified(certificate, ca)) as wrong:
        client = make_client(right.url, http_client=make_client.http_client(verify=context))
        client.send_email(CHANNEL, "test@example.com")
        with pytest.raises(APIConnectionError, match=openssls_words) as caught:
            client.with_options(app_host=wrong.url).send_email(CHANNEL, "test@example.com")
        assert caught.value.delivery == "not_sent"
        assert (len(right.received), wrong.received) == (1, [])


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
